/** Functions of the kernel that the addon models itself. Keep in step with `enum model` in src/engine.h. */
export const Model = { LOOP: 1, MAY_GOTO: 2, MAY_GOTO_RBP: 3, THROW: 4 } as const;
export type Model = (typeof Model)[keyof typeof Model];

/** A helper that is modelled in native code. */
export interface NativeModel {
  /** Index. */
  readonly helper: number;
  readonly model: Model;
  /** Index of a helper flagged `js`: where what it calls returns to. */
  readonly stub: number;
}

/** What an exception finds on its way. */
export interface NativeThrow {
  /** Address of the exception callback. */
  readonly callback: bigint;
  /** Code that it passes, both ends included, and whether it goes no further. */
  readonly functions: readonly { readonly lo: bigint; readonly hi: bigint; readonly boundary: boolean }[];
}

/** As the addon takes them: three words each. */
export function modelWords(models: readonly NativeModel[]): BigUint64Array {
  const words = new BigUint64Array(3 * models.length);
  const halves = new Uint32Array(words.buffer);
  models.forEach(({ helper, model, stub }, i) => {
    halves[6 * i] = helper;
    halves[6 * i + 2] = model;
    halves[6 * i + 4] = stub;
  });
  return words;
}

export function throwWords({ functions }: NativeThrow): BigUint64Array {
  const words = new BigUint64Array(3 * functions.length);
  functions.forEach(({ lo, hi, boundary }, i) => {
    words[3 * i] = lo;
    words[3 * i + 1] = hi;
    words[3 * i + 2] = boundary ? 1n : 0n;
  });
  return words;
}
