import { Action, type HelperAction, type HelperPolicy, Prot, REG, type RunStatus } from '../native';
import { Guest, HOLE, type Segment } from './guest';
import { fillJunk } from './junk';
import {
  CONTEXT_BASE,
  CPUS,
  entryRsp,
  HELPER_BASE,
  HELPER_STRIDE,
  IMAGE_BASE,
  PERCPU_POINTER_BASE,
  percpuOffset,
  STACK_BYTES,
  STOP,
  stackBase,
  u64,
} from './layout';
import { INTERRUPTS_ON } from './machine';

export type { HelperPolicy } from '../native';

export interface ReusedSetup {
  readonly seed: number;
  readonly contextBytes: number;
  /** Thunks of the kernel. */
  readonly code: readonly Segment[];
  readonly data: readonly Segment[];
  /** Per-CPU variables: address before the CPU's offset, value. */
  readonly percpuVariables: (cpu: number) => readonly Segment[];
}

/** Bytes for the programs' code, and for each CPU's dynamic area. */
const CODE_BYTES = 1 << 20;
const PERCPU_BYTES = 1 << 14;
/** Helpers whose policy is native, and those that ask {@link ReusedMachine.onCall}. */
export const PLAIN_HELPERS = 32;
const CALLED_HELPERS = 32;
const EVENT_CAPACITY = 1 << 12;
const BLOCK_BUDGET = 400_000;
/** Bytes of junk, more than are ever needed at once so that runs begin in different places. */
const JUNK_BYTES = 1 << 16;
/** Bytes of stack below the entry that are made junk again before a run: eight frames and what is pushed need less. */
const STACK_USED = 0x1800;

/** Where a helper with a native policy is. */
export const plainHelperAddress = (index: number): bigint => HELPER_BASE + HELPER_STRIDE * BigInt(index);
/** Where a helper is that {@link ReusedMachine.onCall} models. */
export const calledHelperAddress = (index: number): bigint => plainHelperAddress(PLAIN_HELPERS + index);

/**
 * A computer in which one program after the other runs, without a trace: code is rewritten and invalidated, memory is made
 * junk again. Everything is where a `Machine` has it. Helpers that only destroy registers are native.
 */
export class ReusedMachine extends Guest {
  /** Model of the helpers at {@link calledHelperAddress}. */
  onCall: (index: number) => HelperAction = () => Action.STOP;
  readonly context: Uint8Array;
  readonly percpu: readonly Uint8Array[];
  private readonly code: Uint8Array;
  private readonly stacks: readonly Uint8Array[];
  private readonly entries: readonly BigUint64Array[];
  private readonly junk = new Uint8Array(JUNK_BYTES);
  private readonly junkWords: BigUint64Array;
  private codeUsed = 0;

  constructor(setup: ReusedSetup) {
    super(setup.seed, { eventCapacity: EVENT_CAPACITY, blockBudget: BLOCK_BUDGET });
    fillJunk(this.junk, setup.seed, 'reused');
    this.junkWords = new BigUint64Array(this.junk.buffer);
    try {
      this.code = this.map(IMAGE_BASE, CODE_BYTES, Prot.RX);
      this.mapSegments(setup.code, Prot.RX);
      this.mapSegments(setup.data, Prot.RW);
      this.map(HELPER_BASE, Number(HELPER_STRIDE) * (PLAIN_HELPERS + CALLED_HELPERS), Prot.RX);
      this.context = this.map(CONTEXT_BASE, setup.contextBytes, Prot.RW).subarray(0, setup.contextBytes);
      const cpus = Array.from({ length: CPUS }, (_, cpu) => cpu);
      this.stacks = cpus.map((cpu) => this.map(stackBase(cpu), STACK_BYTES, Prot.RW));
      this.percpu = cpus.map((cpu) => this.map(u64(PERCPU_POINTER_BASE + percpuOffset(cpu)), PERCPU_BYTES, Prot.RW));
      for (const cpu of cpus) {
        const variables = setup.percpuVariables(cpu);
        this.mapSegments(
          variables.map(({ address, bytes }) => ({ address: u64(address + percpuOffset(cpu)), bytes })),
          Prot.RW,
        );
      }
      this.entries = this.stacks.map((stack, cpu) => {
        return new BigUint64Array(stack.buffer, stack.byteOffset + Number(entryRsp(cpu) - stackBase(cpu)), 1);
      });
      const addresses = Array.from({ length: PLAIN_HELPERS + CALLED_HELPERS }, (_, i) => plainHelperAddress(i));
      this.emu.hookHelpers(addresses, { js: addresses.map((_, i) => i >= PLAIN_HELPERS) });
      this.emu.onHelper((index) => this.onCall(index - PLAIN_HELPERS));
      const nothing = { ret: 0n, poison: Array<bigint>(8).fill(0n), belowRsp: 0 };
      for (let i = 0; i < PLAIN_HELPERS; i++) this.emu.setHelperPolicy(i, nothing);
      this.emu.seal({ stop: STOP });
    } catch (error) {
      this.emu.close();
      throw error;
    }
  }

  setHelperPolicy(index: number, policy: HelperPolicy): void {
    this.emu.setHelperPolicy(index, policy);
  }

  /** Takes the place of the code before: pieces from IMAGE_BASE on. @throws RangeError when there is no room */
  load(pieces: readonly Segment[]): void {
    const { code, codeUsed } = this;
    code.fill(HOLE, 0, codeUsed);
    let used = 0;
    for (const { address, bytes } of pieces) {
      const offset = Number(address - IMAGE_BASE);
      code.set(bytes, offset);
      used = Math.max(used, offset + bytes.length);
    }
    this.codeUsed = Math.max(used, 1);
    const forgotten = Math.max(codeUsed, used);
    if (forgotten > 0) this.emu.invalidate({ addr: IMAGE_BASE, size: forgotten });
  }

  /**
   * Makes registers and memory what they are before a run: the stack of `cpu`, all of the dynamic areas up to `percpuBytes`.
   * @param start which junk, from 0 up to 1023
   */
  reset(cpu: number, percpuBytes: number, start: number): void {
    const { junk, junkWords, regs } = this;
    const from = (start & 1023) * 8;
    const top = Number(entryRsp(cpu) - stackBase(cpu));
    this.stacks[cpu]!.set(junk.subarray(from, from + STACK_USED), top - STACK_USED);
    for (const area of this.percpu) area.set(junk.subarray(from + 8, from + 8 + percpuBytes));
    // Not canonical, so whoever uses one as a pointer is found out.
    for (let i = 0; i < 16; i++)
      regs[i] = (junkWords[(from >> 3) + i]! & 0x3fff_ffff_ffff_ffffn) | 0x4000_0000_0000_0000n;
  }

  /** Whether a CPU's dynamic area is as the last {@link reset} with that `start` made it. */
  isUntouched(cpu: number, percpuBytes: number, start: number): boolean {
    const from = (start & 1023) * 8 + 8;
    return (
      Buffer.compare(this.percpu[cpu]!.subarray(0, percpuBytes), this.junk.subarray(from, from + percpuBytes)) === 0
    );
  }

  /** Makes some bytes of a CPU's dynamic area what {@link reset} makes of them. */
  restore(cpu: number, offset: number, bytes: number, start: number): void {
    const from = (start & 1023) * 8 + 8 + offset;
    this.percpu[cpu]!.set(this.junk.subarray(from, from + bytes), offset);
  }

  /** Runs from `entry` on a CPU, as a `Machine` does. */
  run(entry: bigint, cpu: number): RunStatus {
    const { regs } = this;
    regs[REG.rsp] = entryRsp(cpu);
    regs[REG.gsBase] = percpuOffset(cpu);
    regs[REG.rflags] = INTERRUPTS_ON;
    this.entries[cpu]![0] = STOP;
    return this.emu.run(entry);
  }
}
