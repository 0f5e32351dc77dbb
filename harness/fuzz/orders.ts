import type { Find, Wanted } from './find';
import type { Plan, Seen, Tally } from './work';

/** What a worker is told to do. */
export type Order =
  /** Cases `from` up to, not including, `to`, but for those that end the process. */
  | { readonly kind: 'run'; readonly from: number; readonly to: number; readonly skip: readonly number[] }
  | { readonly kind: 'explain'; readonly wanted: Wanted };

/** What a worker says. */
export type Answer =
  | { readonly kind: 'ready' }
  | { readonly kind: 'ran'; readonly from: number; readonly seen: readonly Seen[]; readonly tally: Tally }
  | { readonly kind: 'explained'; readonly find: Find }
  /** Something that must not happen; the case that it happened in is in the worker's file. */
  | { readonly kind: 'failed'; readonly message: string };

/** What a worker is started with. */
export interface Start {
  readonly policy: string;
  readonly plan: Plan;
  /** Where it writes down the case before it runs it: 8 bytes, little endian. */
  readonly file: string;
}
