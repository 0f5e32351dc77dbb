import type { Program } from '../../jit';
import { calledHelpers } from '../build';
import type { Random } from '../kernel-image/random';
import { type Around, generateAround } from './around';
import { generateProgram, randomOf } from './generate';
import { mix } from './hash';
import { type FuzzInput, generateInput } from './input';
import { type FuzzProgram, programOf } from './program';
import { times } from './times';

/** A generated program and everything that it is run with. */
export interface FuzzCase {
  readonly fuzz: FuzzProgram;
  readonly program: Program;
  readonly inputs: readonly FuzzInput[];
  /** What may happen around the first of them: the last of the numbers, and hardly ever asked for. */
  readonly around: () => Around | null;
}

/** A program with inputs, and something that happens around it. */
export function fillCase(random: Random, fuzz: FuzzProgram, inputs: number): FuzzCase {
  const program = programOf(fuzz);
  const helpers = calledHelpers([{ program }]).length;
  let around: Around | null | undefined;
  return {
    fuzz,
    program,
    inputs: times(inputs, () => generateInput(random, fuzz.subprogs.length, helpers)),
    // No getter: each would make a hidden class of its own, which keeps the case alive.
    around: () => (around === undefined ? (around = generateAround(random, fuzz)) : around),
  };
}

/** Case `index` of a campaign: the same numbers give the same case, whoever asks. Neighbours have nothing in common. */
export function caseOf(seed: number, index: number, inputs: number): FuzzCase {
  const random = randomOf(mix(mix(seed ^ 0x9e3779b9) ^ index ^ Math.floor(index / 2 ** 32)));
  return fillCase(random, generateProgram(random), inputs);
}
