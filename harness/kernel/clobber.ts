import { GPR_NAMES, Gpr, X86_64 } from '../../jit';
import { junk } from '../machine/junk';
import type { HelperCall } from './helper-call';

/** A value that a spec wants a call to leave in a register. */
export type PlannedValues = ReadonlyMap<string, bigint>;

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
  for (const register of X86_64.callerSaved) {
    const name = GPR_NAMES[register]!;
    registers[register] = planned.get(name) ?? junk(call.seed, `${call.name} ${call.nth} ${name}`);
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
  for (const name of GPR_NAMES) {
    if (Gpr[name] !== Gpr.rsp) registers[Gpr[name]] = junk(seed, `caller.${name} ${label}`);
  }
}
