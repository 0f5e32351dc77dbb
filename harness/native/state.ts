/**
 * The block that the addon shares with TypeScript: the registers, then how the run ended.
 * Keep in step with `struct state` in src/engine.h.
 */
export const STATE = {
  /** Index into 64-bit words. */
  rip: 19,
  address: 20,
  /** Indices into 32-bit halves. */
  access: 42,
  protected: 43,
  size: 44,
  vector: 45,
  code: 46,
  exact: 47,
  eventsLow: 48,
  eventsHigh: 49,
  loopsLost: 50,
} as const;

/** Two views of one block; reading a half allocates nothing, reading a word makes a bigint. */
export interface StateViews {
  readonly words: BigUint64Array;
  readonly halves: Uint32Array;
}

export function stateViews(buffer: ArrayBuffer): StateViews {
  return { words: new BigUint64Array(buffer), halves: new Uint32Array(buffer) };
}
