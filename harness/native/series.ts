import type { NativeInterpreter } from './interpreter';

/** In step with src/series.h: capacities, and where things are, in bytes. */
const CPUS = 2;
const GUARDS = 64;
const PLACES = 64;
const RETURNS = 16;
const CONTEXT = 256;
const INPUTS = 64;
/** Words of 64 bits at the start. */
const WORD = {
  done: 0,
  executed: 1,
  count: 2,
  entry: 3,
  areaBytes: 4,
  ownBytes: 5,
  stackBytes: 6,
  context: 7,
  contextBytes: 8,
  guard: 9,
  guardCount: 10,
  rflags: 11,
  stub: 12,
  cpus: 13,
};
const GUARDS_AT = WORD.cpus + 3 * CPUS;
const CALLEES_AT = GUARDS_AT + GUARDS;
const INPUTS_AT = CALLEES_AT + PLACES / 2;
/** Words of an input. */
const INPUT = { cpu: 0, from: 1, seed: 2, hasR9: 3, r9: 4, returns: 5 };
const CONTEXT_AT = INPUT.returns + RETURNS;
const STRIDE = CONTEXT_AT + CONTEXT / 8;
const WORDS = INPUTS_AT + INPUTS * STRIDE;

/** What all programs have in common. */
export interface SeriesSetup {
  /** By CPU: rsp at the entry, address of the dynamic area, base of GS. */
  readonly cpus: readonly { readonly rsp: bigint; readonly area: bigint; readonly gsBase: bigint }[];
  /** Bytes of stack below the entry that are made junk. */
  readonly stackBytes: number;
  readonly context: bigint;
  readonly contextBytes: number;
  /** What guards hold. */
  readonly guard: bigint;
  readonly rflags: bigint;
  /** Index of a helper that no program calls: runs return to where it is. */
  readonly stub: number;
  /** What memory and registers are made of. */
  readonly junk: Uint8Array;
}

export interface SeriesProgram {
  readonly entry: bigint;
  /** Bytes of each dynamic area that are made junk, and those of them that another CPU must not touch. */
  readonly areaBytes: number;
  readonly ownBytes: number;
  /** Where guards are in each dynamic area, in bytes. */
  readonly guards: readonly number[];
  /** Number of each helper as the interpreter counts them, by index; -1 for those that it does not count. */
  readonly calleeOf: readonly number[];
}

export interface SeriesInput {
  readonly cpu: number;
  readonly seed: number;
  readonly context: Uint8Array;
  readonly returns: readonly bigint[];
}

/**
 * One program with many inputs in one go: each is run, judged by the interpreter in C, and followed by the next without leaving the
 * processor. It says how many were right; somebody else has to say what is wrong with the one behind them.
 */
export class Series {
  /** Shared with the addon. */
  readonly words = new BigUint64Array(WORDS);
  readonly #halves = new Uint32Array(this.words.buffer);
  readonly #callees = new Int32Array(this.words.buffer, 8 * CALLEES_AT, PLACES);
  readonly #bytes = new Uint8Array(this.words.buffer);
  readonly junk: Uint8Array;

  constructor(
    { cpus, junk, ...setup }: SeriesSetup,
    readonly interpreter: NativeInterpreter,
  ) {
    const { words } = this;
    this.junk = junk;
    cpus.forEach(({ rsp, area, gsBase }, i) => {
      words.set([rsp, area, gsBase], WORD.cpus + 3 * i);
    });
    words[WORD.stackBytes] = BigInt(setup.stackBytes);
    words[WORD.context] = setup.context;
    words[WORD.contextBytes] = BigInt(setup.contextBytes);
    words[WORD.guard] = setup.guard;
    words[WORD.rflags] = setup.rflags;
    words[WORD.stub] = BigInt(setup.stub);
  }

  /** Takes a program. @returns whether there is room for it */
  load({ entry, areaBytes, ownBytes, guards, calleeOf }: SeriesProgram): boolean {
    if (guards.length > GUARDS || calleeOf.length > PLACES) return false;
    for (const callee of calleeOf) if (callee >= RETURNS) return false;
    const halves = this.#halves;
    this.words[WORD.entry] = entry;
    halves[2 * WORD.areaBytes] = areaBytes;
    halves[2 * WORD.ownBytes] = ownBytes;
    halves[2 * WORD.guardCount] = guards.length;
    for (let i = 0; i < guards.length; i++) halves[2 * (GUARDS_AT + i)] = guards[i]!;
    for (let i = 0; i < PLACES; i++) this.#callees[i] = i < calleeOf.length ? calleeOf[i]! : -1;
    return true;
  }

  /**
   * Takes the inputs of the next run.
   * @param r9 what helpers leave in r9 with an input, where that is not junk
   * @returns whether there is room for them
   */
  fill<T extends SeriesInput>(inputs: readonly T[], r9: (input: T) => bigint | undefined): boolean {
    if (inputs.length > INPUTS) return false;
    const halves = this.#halves;
    halves[2 * WORD.count] = inputs.length;
    let at = INPUTS_AT;
    for (const input of inputs) {
      const { cpu, seed, context, returns } = input;
      if (returns.length > RETURNS || context.length > CONTEXT) return false;
      halves[2 * (at + INPUT.cpu)] = cpu;
      halves[2 * (at + INPUT.from)] = (seed & 1023) * 8;
      halves[2 * (at + INPUT.seed)] = seed;
      const wrong = r9(input);
      halves[2 * (at + INPUT.hasR9)] = wrong === undefined ? 0 : 1;
      if (wrong !== undefined) this.words[at + INPUT.r9] = wrong;
      for (let i = 0; i < returns.length; i++) this.words[at + INPUT.returns + i] = returns[i]!;
      this.#bytes.set(context, 8 * (at + CONTEXT_AT));
      at += STRIDE;
    }
    return true;
  }

  /** Inputs of the last run at which nothing was wrong: all, or the next one may be. */
  get done(): number {
    return this.#halves[2 * WORD.done]!;
  }

  /** Instructions that the interpreter executed with the last of those. */
  get executed(): number {
    return this.#halves[2 * WORD.executed]!;
  }
}
