import { Gpr, MAY_GOTO_THUNKS } from '../../jit';
import { junk } from '../machine/junk';
import type { GuestMemory, HelperCall } from './helper-call';

/** What a thunk looks at of a call. */
export type ThunkCall = Pick<HelperCall, 'memory' | 'name' | 'nth' | 'seed'>;

/** Rounds until the clock is asked again, and how long a loop may take (BPF_MAX_TIMED_LOOPS, 250 ms). */
const ROUNDS = 0xffffn;
const LIMIT_NS = 250_000_000n;

/** What the thunk saves below its caller's stack pointer, in the order of its pushes. */
const SAVED = [Gpr.rbp, Gpr.rax, Gpr.rdi, Gpr.rsi, Gpr.rdx, Gpr.rcx, Gpr.r8];

function load(memory: GuestMemory, address: bigint): bigint {
  const bytes = memory.read(address, 8);
  return bytes ? new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true) : 0n;
}

function store(memory: GuestMemory, address: bigint, value: bigint): void {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value, true);
  memory.write(address, bytes);
}

/**
 * arch_bpf_timed_may_goto: r10 says where count and time are, and gets the new count. The thunk saves BPF r0 to r5 on the
 * stack itself, so a time that lands in one of those slots comes back in a register. rsp is at the return address. A
 * millisecond passes from call to call.
 * @param base what r10 is relative to
 */
function timedMayGoto(registers: BigUint64Array, { memory, name, nth, seed }: ThunkCall, base: bigint): void {
  const rsp = registers[Gpr.rsp]!;
  const slots = SAVED.map((register, i) => ({ register, address: rsp - 8n * BigInt(i + 1) }));
  for (const { register, address } of slots) store(memory, address, registers[register]!);
  const time = BigInt.asUintN(64, base + registers[Gpr.r10]! + 8n);
  const started = load(memory, time);
  const now = 1_000_000_000n + BigInt(nth) * 1_000_000n;
  if (started === 0n) store(memory, time, now);
  registers[Gpr.r10] = started !== 0n && BigInt.asUintN(64, now - started) >= LIMIT_NS ? 0n : ROUNDS;
  for (const { register, address } of slots) registers[register] = load(memory, address);
  for (const register of [Gpr.r9, Gpr.r11]) registers[register] = junk(seed, `${name} ${nth} ${register}`);
}

/** Functions with a calling convention of their own, by name. */
export const THUNKS: Readonly<Record<string, (registers: BigUint64Array, call: ThunkCall) => void>> = {
  /** 6.15 to 6.18: an offset from rbp, also where the frame is a private one. */
  [MAY_GOTO_THUNKS.offset]: (registers, call) => timedMayGoto(registers, call, registers[Gpr.rbp]!),
  /** Since bb83425b3cdc: the address itself. */
  [MAY_GOTO_THUNKS.pointer]: (registers, call) => timedMayGoto(registers, call, 0n),
};
