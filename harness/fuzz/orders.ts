import type { Find, Wanted } from './find';
import type { Block } from './schedule';
import type { Plan, Seen, Tally } from './tally';

/** What a worker is told to do. */
export type Order =
  /** A block of cases, but for those that end the process, by their place. */
  | { readonly kind: 'run'; readonly block: Block; readonly skip: readonly number[] }
  /** `deadly`: looking closer ends the process, so the case is only written down. */
  | { readonly kind: 'explain'; readonly wanted: Wanted; readonly deadly: boolean };

/** What came of a block. */
export interface Ran {
  readonly kind: 'ran';
  readonly seen: readonly Seen[];
  readonly tally: Tally;
  /** What the running kernel said of those that it did not take: its reason, by path. */
  readonly refusals: readonly (readonly [path: string, reason: string])[];
  /** By path: what the case reaches and none before it did, in its block and in those in front of it that this worker ran. */
  readonly reached: readonly (readonly [path: string, features: readonly string[]])[];
}

/** What a worker says. */
export type Answer =
  | { readonly kind: 'ready' }
  | Ran
  | { readonly kind: 'explained'; readonly find: Find }
  /** Something that must not happen, or that the environment causes: then there is a code. */
  | { readonly kind: 'failed'; readonly message: string; readonly stack?: string; readonly code?: string };

/** The first thing that a worker is told. */
export interface Start {
  readonly kind: 'start';
  readonly policy: string;
  readonly plan: Plan;
  /** Where it writes down the case before it runs it: its place, 8 bytes, little endian. */
  readonly file: string;
}
