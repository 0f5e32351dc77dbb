import type { Random } from '../kernel-image/random';
import { CPUS } from '../machine/layout';
import type { Around } from './around';
import { BOUNDS } from './bounds';
import { times } from './times';

/** What helpers leave in r9: junk, or the private frame pointer of a subprog on some CPU. */
export type R9 = 'junk' | { readonly subprog: number; readonly cpu: number };

/** Everything about a run that is not the program. */
export interface FuzzInput {
  readonly cpu: number;
  /** Of junk. */
  readonly seed: number;
  readonly context: Uint8Array;
  /** What each helper returns, in order of their first call. */
  readonly returns: readonly bigint[];
  readonly r9: R9;
  /** What else happens; null for nothing, which is all that the cheap look knows. */
  readonly around: Around | null;
}

const WORDS: readonly bigint[] = [
  0n,
  1n,
  0xffffffffn,
  0xffffffffffffffffn,
  0x7fffffffffffffffn,
  0x8000000000000000n,
  0x80000000n,
  0x7fffffffn,
  128n,
  0xffffffffffffff80n,
];

const WORD_HALVES = new Uint32Array(BigUint64Array.from(WORDS).buffer);
/** By which words beside each other differ. */
const STEP = 0x1010101;

/** One word, by halves. */
const WORD = new BigUint64Array(1);
const HALVES = new Uint32Array(WORD.buffer);

function word(random: Random): bigint {
  if (random.once(3)) return random.pick(WORDS);
  HALVES[1] = random.int32();
  HALVES[0] = random.int32();
  return WORD[0]!;
}

/** Contexts to a block of memory: arrays with memory of their own cost more than what is written to them. */
const TOGETHER = 64;
const HALVES_EACH = BOUNDS.context / 4;
/** In halves, the lower one first: nothing is slower here than to make bigints. */
let block = new Uint32Array(0);
let used = 0;

function context(random: Random): Uint8Array {
  if (used === block.length) {
    block = new Uint32Array(TOGETHER * HALVES_EACH);
    used = 0;
  }
  const start = used;
  used += HALVES_EACH;
  for (let i = start; i < used; i += 8) {
    const known = random.once(3) ? random.below(WORDS.length) : -1;
    const high = known < 0 ? random.int32() : WORD_HALVES[2 * known + 1]!;
    const low = known < 0 ? random.int32() : WORD_HALVES[2 * known]!;
    for (let k = 0; k < 4; k++) {
      block[i + 2 * k] = low ^ (k * STEP);
      block[i + 2 * k + 1] = high;
    }
  }
  return new Uint8Array(block.buffer, 4 * start, BOUNDS.context);
}

/** An input for a program of so many subprogs that calls so many helpers. */
export function generateInput(random: Random, subprogs: number, helpers: number): FuzzInput {
  const cpu = random.below(CPUS);
  const r9 = random.once(2) ? ('junk' as const) : { subprog: random.below(subprogs), cpu: random.below(CPUS) };
  return {
    cpu,
    seed: random.below(1 << 20),
    context: context(random),
    returns: times(helpers, () => word(random)),
    r9,
    around: null,
  };
}
