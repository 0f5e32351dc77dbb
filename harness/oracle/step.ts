import type { Insn } from '../../jit';
import type { Resolver } from './options';
import type { Run } from './run';

/**
 * An instruction made ready to execute.
 * @returns the slot to go on at, or {@link ELSEWHERE}
 */
export type Step = (run: Run) => number;

/** Control is in another activation, or the run is over. */
export const ELSEWHERE = -1;

/** Makes the step of an instruction; `next` is the slot behind it. Undefined where the fields have no meaning. */
export type StepMaker = (insn: Insn, next: number, resolver: Resolver) => Step | undefined;

/** An immediate of a 64-bit operation: its sign extended, as an unsigned number. */
export const extended = (imm: number): bigint => BigInt.asUintN(64, BigInt(imm));
