import { roundUp, type SubprogFacts } from '../analysis/facts';
import { BPF_CALLEE_SAVED } from '../idioms/frames';
import type { StackPolicy } from '../policy';
import { X86_64 } from '../x86/abi';
import { Gpr } from '../x86/registers';

const WORD = 8;

/** Registers that a boundary pushes, in that order: all, for whoever throws past it. */
export const BOUNDARY_SAVES: readonly number[] = [Gpr.r12, ...BPF_CALLEE_SAVED];

/** Bytes of kernel stack that a subprog takes below rbp before it pushes anything. */
export const kernelDepth = (facts: SubprogFacts, { preserve }: StackPolicy): number =>
  facts.private === null ? roundUp(facts.stackDepth, WORD) : preserve.reserve;

/** Bytes from the last register that a boundary saved up to its rbp: kernel stack, tail-call counter, registers. */
export const saveArea = (boundary: SubprogFacts, policy: StackPolicy): number =>
  kernelDepth(boundary, policy) + (boundary.tailCallReachable ? 2 * WORD : 0) + BOUNDARY_SAVES.length * WORD;

/** The frame pointer's register, where a subprog has to save it for its caller and does not do so anyhow. */
export function savedForFrame(facts: SubprogFacts, { preserve }: StackPolicy, saved: readonly number[]): number[] {
  const { register } = preserve;
  if (facts.private === null || !X86_64.calleeSaved.includes(register) || saved.includes(register)) return [];
  return [register];
}
