import type { Program } from '../../jit';
import { calledHelpers } from '../build';
import { type Around, generateAround } from './around';
import { generateProgram, randomOf } from './generate';
import { type FuzzInput, generateInput } from './input';
import { type FuzzProgram, programOf } from './program';

/** A generated program and everything that it is run with. */
export interface FuzzCase {
  readonly fuzz: FuzzProgram;
  readonly program: Program;
  readonly inputs: readonly FuzzInput[];
  /** What may happen around the first of them. */
  readonly around: Around | null;
}

/** Mixes 32 bits (the finaliser of MurmurHash3). */
function mix(value: number): number {
  let x = value | 0;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
}

/** Case `index` of a campaign: the same numbers give the same case, whoever asks. Neighbours have nothing in common. */
export function caseOf(seed: number, index: number, inputs: number): FuzzCase {
  const random = randomOf(mix(mix(seed ^ 0x9e3779b9) ^ index ^ Math.floor(index / 2 ** 32)));
  const fuzz = generateProgram(random);
  const program = programOf(fuzz);
  const helpers = calledHelpers([{ program }]).length;
  return {
    fuzz,
    program,
    inputs: Array.from({ length: inputs }, () => generateInput(random, fuzz.subprogs.length, helpers)),
    around: generateAround(random, fuzz),
  };
}
