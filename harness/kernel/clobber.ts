import { GPR_NAMES, Gpr, X86_64 } from '../../jit';
import { junk } from '../machine/junk';
import type { HelperCall } from './helper-call';

/** A value that a spec wants a call to leave in a register. */
export type PlannedValues = ReadonlyMap<string, bigint>;

/** Junk for all registers that was made lately: fuzzing asks for the same again and again. */
const LATELY = new Map<string, BigUint64Array>();
const MOST = 1024;

function kept(key: string, make: (register: string) => bigint): BigUint64Array {
  const known = LATELY.get(key);
  if (known) return known;
  if (LATELY.size === MOST) LATELY.clear();
  const values = BigUint64Array.from(GPR_NAMES, make);
  LATELY.set(key, values);
  return values;
}

/**
 * What the ABI lets a function do to its caller's registers, done: every caller-saved register becomes junk, but for
 * the planned ones, and rax is the result.
 * @param registers the register block, by hardware number
 */
export function destroyCallerSaved(
  registers: BigUint64Array,
  call: Pick<HelperCall, 'name' | 'nth' | 'seed'>,
  result: bigint,
  planned: PlannedValues,
): void {
  const { name, nth, seed } = call;
  const values = kept(`${seed} ${name} ${nth}`, (register) => junk(seed, `${name} ${nth} ${register}`));
  for (const register of X86_64.callerSaved) {
    registers[register] = (planned.size > 0 ? planned.get(GPR_NAMES[register]!) : undefined) ?? values[register]!;
  }
  registers[X86_64.returnValue] = planned.get('rax') ?? result;
}

/** BPF r1..r5 at a call. */
export function callArguments(registers: BigUint64Array): bigint[] {
  return [1, 2, 3, 4, 5].map((bpf) => registers[X86_64.bpf[bpf]!]!);
}

/**
 * Sets every register to junk, the callee-saved ones to sentinels of their own: the state in which C calls a program.
 * @param label tells this entry from others
 */
export function callerState(registers: BigUint64Array, seed: number, label: string): void {
  const rsp = registers[Gpr.rsp]!;
  registers.set(kept(`${seed} caller ${label}`, (register) => junk(seed, `caller.${register} ${label}`)));
  registers[Gpr.rsp] = rsp;
}
