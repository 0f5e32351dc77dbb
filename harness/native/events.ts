import { STATE, type StateViews } from './state';

/**
 * What happened in a run, one record each. A record is {@link EVENT_WORDS} 64-bit words:
 *
 * | word | INSN, HELPER | READ, WRITE |
 * |---|---|---|
 * | 0 | kind, helper index << 32 | kind, size << 8, faults << 16, skipped << 17 |
 * | 1 | rip | rip |
 * | 2 | rax | address |
 * | 3 | rcx | value |
 * | 4..17 | rdx .. r15, hardware order | |
 * | 18 | rflags | |
 *
 * A skipped access is one of an instruction that faulted and that the exception table handled: none of it has happened,
 * also where another part of it is what faulted. Words without a meaning hold leftovers. INSN is recorded before the instruction executes, HELPER when the helper is
 * entered, READ and WRITE before the access (so one that faults is there too, marked).
 */
export const EVENT_WORDS = 24;

export const EventKind = { INSN: 1, READ: 2, WRITE: 3, HELPER: 4 } as const;
export type EventKind = (typeof EventKind)[keyof typeof EventKind];

const FIRST_REGISTER = 2;
const RFLAGS = 18;

/**
 * The events of the last run, oldest first: `i` counts from 0 to `count - 1`. It reads the shared buffer, so the next
 * run replaces what it shows. Kind, size, index and the `...32` accessors allocate nothing; those of 64 bits make a
 * bigint. After the engine is closed there are no events.
 */
export class EventView {
  readonly capacity: number;
  readonly words: BigUint64Array;
  readonly #halves: Uint32Array;
  readonly #state: Uint32Array;

  constructor(buffer: ArrayBuffer, state: StateViews) {
    this.words = new BigUint64Array(buffer);
    this.#halves = new Uint32Array(buffer);
    this.#state = state.halves;
    this.capacity = this.words.length / EVENT_WORDS;
  }

  /** Records made, those overwritten since included. */
  get total(): number {
    return (this.#state[STATE.eventsHigh] ?? 0) * 2 ** 32 + (this.#state[STATE.eventsLow] ?? 0);
  }

  /** Records that are there. */
  get count(): number {
    return Math.min(this.total, this.capacity);
  }

  /**
   * Takes the newest record back, from within a callback: of an instruction that is not executed now, because something
   * else runs first, and that makes its record when its turn comes.
   */
  retract(): void {
    this.#state[STATE.eventsLow] = (this.#state[STATE.eventsLow] ?? 0) - 1;
  }

  /** Where record `i` begins in {@link words}. */
  offset(i: number): number {
    const total = this.total;
    const oldest = total > this.capacity ? total % this.capacity : 0;
    return ((oldest + i) % this.capacity) * EVENT_WORDS;
  }

  #half(i: number, half: number): number {
    return this.#halves[this.offset(i) * 2 + half]!;
  }

  kind(i: number): EventKind {
    return (this.#half(i, 0) & 0xff) as EventKind;
  }

  /** Bytes of a READ or WRITE. */
  size(i: number): number {
    return (this.#half(i, 0) >>> 8) & 0xff;
  }

  /** Whether a READ or WRITE goes to memory that is not mapped or forbids it. */
  faults(i: number): boolean {
    return (this.#half(i, 0) & 0x10000) !== 0;
  }

  /** Whether the instruction of a READ or WRITE faulted, and the exception table skipped it. */
  skipped(i: number): boolean {
    return (this.#half(i, 0) & 0x20000) !== 0;
  }

  /** Index of a HELPER, as given to `hookHelpers`. */
  index(i: number): number {
    return this.#half(i, 1);
  }

  /**
   * The instruction. Of a READ or WRITE by an atomic or vector instruction outside traced code, Unicorn 2.0 may give an
   * earlier instruction of the same block.
   */
  rip(i: number): bigint {
    return this.words[this.offset(i) + 1]!;
  }

  /** Address of a READ or WRITE. */
  address(i: number): bigint {
    return this.words[this.offset(i) + 2]!;
  }

  /** Value of a READ or WRITE, zero-extended to 64 bits. */
  value(i: number): bigint {
    return BigInt.asUintN(8 * this.size(i), this.words[this.offset(i) + 3]!);
  }

  /** General register of an INSN or HELPER, by its place in `REG`. */
  reg(i: number, reg: number): bigint {
    return this.words[this.offset(i) + FIRST_REGISTER + reg]!;
  }

  /** Low half of a general register of an INSN or HELPER. */
  regLow32(i: number, reg: number): number {
    return this.#half(i, 2 * (FIRST_REGISTER + reg));
  }

  /** High half of a general register of an INSN or HELPER. */
  regHigh32(i: number, reg: number): number {
    return this.#half(i, 2 * (FIRST_REGISTER + reg) + 1);
  }

  /** rflags of an INSN or HELPER. */
  rflags(i: number): bigint {
    return this.words[this.offset(i) + RFLAGS]!;
  }
}
