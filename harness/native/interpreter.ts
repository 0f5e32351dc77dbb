import { addon, check } from './addon';
import { EmuError } from './errors';

/** In step with src/interpret.h: capacities, and where things are, in bytes. */
const MAX_SUBPROGS = 63;
const MAX_CALLEES = 64;
const MAX_CONTEXT = 4096;
const MAX_LOGGED = 8192;
const MAX_SLOTS = 1 << 14;
const STARTS = 80;
const RETURNS = STARTS + 4 * (MAX_SUBPROGS + 1);
const CONTEXT = RETURNS + 8 * MAX_CALLEES;
const LOG = CONTEXT + MAX_CONTEXT;
const CODE = LOG + 4 * MAX_LOGGED;
const BYTES = CODE + 8 * MAX_SLOTS;

/** Words of 64 bits at the start. */
const WORD = { r0: 0, end: 1, executed: 2, calls: 3, base: 4, size: 5, budget: 6, seed: 7, catcher: 8, subprogs: 9 };

const ENDS = ['exit', 'fault', 'budget', 'unknown'] as const;
/** How a run ended; `unknown`: the program needs what only the interpreter in TypeScript has. */
export type NativeEnd = (typeof ENDS)[number];

/** What a call of a helper or kfunc does. */
export const Callee = { PLAIN: 0, LOOP: 1, THROW: 2, OTHER: 3 } as const;
export type CalleeKind = (typeof Callee)[keyof typeof Callee];

/** One instruction, with the fields of a program's. */
export interface CodeInsn {
  readonly code: number;
  readonly dst: number;
  readonly src: number;
  readonly off: number;
  readonly imm: number;
  readonly imm64?: bigint;
}

const LD_IMM64 = 0x18;
const CALL = 0x85;
const PSEUDO_CALL = 1;

/** Only numbers and callbacks can be loaded. */
const NEVER = 15;

/**
 * BPF interpreted in C, for many short runs: the results are those of `harness/oracle`, which is asked where this one says
 * `unknown`, and whenever something differs from it.
 */
export class NativeInterpreter {
  /** Shared with the addon. */
  readonly words = new BigUint64Array(BYTES / 8);
  readonly #halves = new Uint32Array(this.words.buffer);
  readonly #starts = new Uint32Array(this.words.buffer, STARTS, MAX_SUBPROGS + 1);
  readonly #code = new Int32Array(this.words.buffer, CODE, 2 * MAX_SLOTS);
  readonly #context: Uint8Array = new Uint8Array(this.words.buffer, CONTEXT, MAX_CONTEXT);
  /** What each callee returns, by number. */
  readonly returns = new BigUint64Array(this.words.buffer, RETURNS, MAX_CALLEES);
  /** Numbers of the callees that the last run called, in order, as far as {@link calls} goes. */
  readonly log = new Uint32Array(this.words.buffer, LOG, MAX_LOGGED);
  #contextBytes = 0;

  /** @param options the context's address, and instructions after which a run ends */
  constructor({ contextBase, budget }: { readonly contextBase: bigint; readonly budget: number }) {
    this.words[WORD.base] = contextBase;
    this.words[WORD.budget] = BigInt(budget);
  }

  /**
   * Takes a program.
   * @param calleeOf number and kind of a helper or kfunc that is called: `kind << 8 | number`
   * @returns whether there is room for it
   */
  load(
    subprogs: readonly { readonly insns: readonly CodeInsn[] }[],
    calleeOf: (insn: CodeInsn) => number,
    exceptionCallback: number | undefined,
  ): boolean {
    if (subprogs.length > MAX_SUBPROGS) return false;
    let slot = 0;
    for (let i = 0; i < subprogs.length; i++) {
      this.#starts[i] = slot;
      const { insns } = subprogs[i]!;
      if (slot + 2 * insns.length > MAX_SLOTS) return false;
      for (const insn of insns) slot = this.#put(slot, insn, calleeOf);
    }
    this.#starts[subprogs.length] = slot;
    this.words[WORD.subprogs] = BigInt(subprogs.length);
    this.words[WORD.catcher] = BigInt.asUintN(64, BigInt(exceptionCallback ?? -1));
    return true;
  }

  #put(slot: number, insn: CodeInsn, calleeOf: (insn: CodeInsn) => number): number {
    const { code, src } = insn;
    const words = this.#code;
    const at = 2 * slot;
    const low = code | (insn.dst << 8) | (insn.off << 16);
    words[at] = low | (src << 12);
    if (code === LD_IMM64) {
      const value = insn.imm64 ?? 0n;
      if (src !== 0 && src !== 4) words[at] = low | (NEVER << 12);
      words[at + 1] = Number(BigInt.asIntN(32, value));
      words[at + 2] = 0;
      words[at + 3] = Number(BigInt.asIntN(32, value >> 32n));
      return slot + 2;
    }
    words[at + 1] = code === CALL && src !== PSEUDO_CALL ? calleeOf(insn) : insn.imm;
    return slot + 1;
  }

  /** One run of what was loaded. Errors: `bad-argument` for a context that is too large. */
  run(context: Uint8Array, seed: number): NativeEnd {
    if (context.length > MAX_CONTEXT) throw new EmuError('bad-argument', 'the context is too large');
    this.#contextBytes = context.length;
    this.#context.set(context);
    this.words[WORD.size] = BigInt(context.length);
    this.words[WORD.seed] = BigInt(seed);
    check(addon().interpret(this.words), 'interpret');
    return ENDS[this.#halves[2 * WORD.end]!]!;
  }

  /** The result of the last run. */
  get r0(): bigint {
    return this.words[WORD.r0]!;
  }

  /** What the last run left in the context. */
  get context(): Uint8Array {
    return this.#context.subarray(0, this.#contextBytes);
  }

  /** How many helpers and kfuncs the last run called. */
  get calls(): number {
    return this.#halves[2 * WORD.calls]!;
  }

  /** Instructions that the last run executed. */
  get executed(): number {
    return this.#halves[2 * WORD.executed]!;
  }
}
