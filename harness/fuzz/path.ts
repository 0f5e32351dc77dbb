import { caseOf, type FuzzCase, fillCase } from './case';
import { randomOf } from './generate';
import { hashOf } from './hash';
import { mutated } from './mutate';
import { partsOfPath } from './path-text';
import type { FuzzProgram } from './program';

/** Programs from elsewhere, by name. */
export type Corpus = ReadonlyMap<string, FuzzProgram>;

export const NO_CORPUS: Corpus = new Map();

/**
 * The case that a path names: `17` is number 17 of the seed, `@name` a program of the corpus with inputs of the seed, and
 * `17~3` what change number 3 makes of `17`. @throws Error for a program that the corpus does not have
 */
export function caseAt(path: string, seed: number, inputs: number, corpus: Corpus): FuzzCase {
  const { start, changes } = partsOfPath(path);
  let found: FuzzCase;
  if (!start.startsWith('@')) found = caseOf(seed, Number(start), inputs);
  else {
    const fuzz = corpus.get(start.slice(1));
    if (!fuzz) throw new Error(`the corpus has no program \`${start.slice(1)}\``);
    found = fillCase(randomOf(hashOf(seed, start)), fuzz, inputs);
  }
  for (const number of changes) {
    const random = randomOf(hashOf(seed, `~${number}`));
    found = fillCase(random, mutated(random, found.fuzz), inputs);
  }
  return found;
}
