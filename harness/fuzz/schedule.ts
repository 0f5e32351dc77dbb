import { Random } from '../kernel-image/random';
import { hashOf } from './hash';

/** Cases that a worker takes at a time, by their place in the campaign. */
export interface Block {
  readonly number: number;
  /** Place of the first. */
  readonly from: number;
  readonly paths: readonly string[];
}

export interface ScheduleOptions {
  readonly seed: number;
  /** Names of the corpus' programs, which come first. */
  readonly corpus: readonly string[];
  /** These cases, and no others. */
  readonly paths: readonly string[] | undefined;
  /** Cases of the seed after them; undefined for no end. */
  readonly runs: number | undefined;
  readonly shard: readonly [part: number, of: number];
  /** Half of the cases are changes of those that reached something new. */
  readonly guided: boolean;
}

/** As many as are written down together (work.ts): with less, those who hand them out have a share of the time that can be measured. */
const BLOCK = 128;
/** The first blocks are small ones: what is found at once is shown at once. */
const SMALL = 4;
const SMALL_BLOCKS = BLOCK / SMALL;
/** Blocks that learn from nothing but what was before all of them: so many workers do not get in each other's way. */
const GENERATION = 8;
/** A change of a change of a change ... */
const MOST_CHANGES = 6;

/** Place behind the last of the block that has a place. */
export function endOfBlock(place: number): number {
  const size = place < SMALL * SMALL_BLOCKS ? SMALL : BLOCK;
  return (Math.floor(place / size) + 1) * size;
}

const startOf = (block: number): number => (block < SMALL_BLOCKS ? block * SMALL : (block - SMALL_BLOCKS + 1) * BLOCK);

/** Which cases a campaign consists of, and in what order. It does not matter to it who runs them, and when. */
export class Schedule {
  private next: number;
  /** Paths of cases that reached something new, in order. */
  private readonly kept: string[] = [];
  /** How many of them there were at the start of each generation. */
  private readonly known: number[] = [0];
  private counted = 0;

  constructor(private readonly options: ScheduleOptions) {
    this.next = options.shard[0];
  }

  /** The next block; null when there is none, or not before others are counted. */
  take(): Block | null {
    const number = this.next;
    if (this.options.paths) return this.listed(this.options.paths);
    const { runs = Number.POSITIVE_INFINITY, corpus, shard, guided } = this.options;
    const from = startOf(number);
    const to = Math.min(startOf(number + 1), runs + corpus.length);
    if (from >= to) return null;
    const known = guided ? this.known[Math.floor(number / GENERATION)] : 0;
    if (known === undefined) return null;
    this.next += shard[1];
    return { number, from, paths: Array.from({ length: to - from }, (_, i) => this.pathOf(from + i, known)) };
  }

  private listed(paths: readonly string[]): Block | null {
    const { shard } = this.options;
    if (this.next !== shard[0]) return null;
    this.next += shard[1];
    return { number: shard[0], from: 0, paths };
  }

  private pathOf(place: number, known: number): string {
    const { seed, corpus } = this.options;
    const name = corpus[place];
    if (name !== undefined) return `@${name}`;
    const random = new Random(hashOf(seed, `guided ${place}`));
    if (known === 0 || random.once(2)) return String(place - corpus.length);
    return `${this.kept[random.below(known)]}~${place}`;
  }

  /** A block is counted: blocks are, in order. `reached`: cases in it that reached something new, in order. */
  count(reached: readonly string[]): void {
    for (const path of reached) if (path.split('~').length <= MOST_CHANGES) this.kept.push(path);
    this.counted++;
    if (this.counted % GENERATION === 0) this.known.push(this.kept.length);
  }
}
