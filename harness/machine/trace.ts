import { type Emu, EVENT_WORDS, EventKind } from '../native';

export { EventKind } from '../native';

/** Words of a record; a constant of this module is read faster than another's. */
const WORDS = EVENT_WORDS;

/**
 * What happened in a run, event by event, oldest first; `i` counts from 0. A copy, so it outlives the engine.
 * The layout of a record is that of harness/native/events.ts.
 */
export class Trace {
  readonly count: number;
  private readonly words: BigUint64Array;

  constructor(emu: Emu) {
    this.count = emu.events.count;
    this.words = emu.events.words.slice(0, this.count * WORDS);
  }

  kind(i: number): EventKind {
    return Number(this.words[i * WORDS]! & 0xffn) as EventKind;
  }

  /** Bytes of a READ or WRITE. */
  size(i: number): number {
    return Number((this.words[i * WORDS]! >> 8n) & 0xffn);
  }

  /** Whether a READ or WRITE goes where it is not allowed. */
  faults(i: number): boolean {
    return (this.words[i * WORDS]! & 0x10000n) !== 0n;
  }

  /** Whether a READ or WRITE did not happen: its instruction faulted, and the exception table skipped it. */
  skipped(i: number): boolean {
    return this.isAccess(i) && (this.words[i * WORDS]! & 0x20000n) !== 0n;
  }

  /** Index of a HELPER, as given to the machine. */
  helper(i: number): number {
    return Number(this.words[i * WORDS]! >> 32n);
  }

  rip(i: number): bigint {
    return this.words[i * WORDS + 1]!;
  }

  /** Address of a READ or WRITE. */
  address(i: number): bigint {
    return this.words[i * WORDS + 2]!;
  }

  /** Value of a READ or WRITE, zero-extended. */
  value(i: number): bigint {
    return BigInt.asUintN(8 * this.size(i), this.words[i * WORDS + 3]!);
  }

  /** General register (hardware number) before an INSN, or as a HELPER was entered. */
  reg(i: number, register: number): bigint {
    return this.words[i * WORDS + 2 + register]!;
  }

  /** Whether event `i` shows registers. */
  hasRegisters(i: number): boolean {
    const kind = this.kind(i);
    return kind === EventKind.INSN || kind === EventKind.HELPER;
  }

  /** Whether event `i` is an access to memory. */
  isAccess(i: number): boolean {
    return !this.hasRegisters(i);
  }
}
