/** Most rounds of bpf_loop (BPF_MAX_LOOPS, include/linux/bpf.h). */
const MAX_LOOPS = 8 << 20;

/** What the arguments of a helper that takes a callback are made of. */
export interface CallbackArguments {
  readonly callback: string;
  /** The number behind the helper's name. */
  readonly rounds: number;
  /** Names of maps: one of the spec's, and 16 bytes of the program's own for a timer. */
  readonly map: string;
  readonly timer: string;
}

/** A helper that is handed a subprog. */
export interface CallbackHelper {
  /** Whether the callback runs later, after the helper has returned. */
  readonly async: boolean;
  /** Most rounds, where a number of them may stand behind the name. */
  readonly maxRounds?: number;
  /** Assembly that sets up r1 to r5. */
  prepare(given: CallbackArguments): readonly string[];
  /** What it returns when no callback has ended it early; undefined: that says nothing. */
  returns?(given: CallbackArguments): number;
}

/** The helper that needs one of the spec's maps. */
export const GOES_OVER_MAP = 'bpf_for_each_map_elem';

/** The helpers that a tree can hand a callback to. A new one is one more row, and a model in harness/kernel. */
export const CALLBACK_HELPERS: Readonly<Record<string, CallbackHelper>> = {
  bpf_loop: {
    async: false,
    maxRounds: MAX_LOOPS,
    prepare: ({ rounds, callback }) => [`r1 = ${rounds}`, `r2 = ${callback} ll`, 'r3 = 0', 'r4 = 0'],
    returns: ({ rounds }) => rounds,
  },
  [GOES_OVER_MAP]: {
    async: false,
    prepare: ({ map, callback }) => [`r1 = map[${map}] ll`, `r2 = ${callback} ll`, 'r3 = 0', 'r4 = 0'],
    // Every map of a spec has one element.
    returns: () => 1,
  },
  bpf_timer_set_callback: {
    async: true,
    prepare: ({ timer, callback }) => [`r1 = map[${timer}][0] ll`, `r2 = ${callback} ll`],
  },
};

/** The row of a helper, undefined for all that take no callback. */
export const callbackHelper = (name: string): CallbackHelper | undefined =>
  Object.hasOwn(CALLBACK_HELPERS, name) ? CALLBACK_HELPERS[name] : undefined;
