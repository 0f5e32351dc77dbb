import { ElfProblem } from './problem';

const TEXT = new TextDecoder();
/** Longest name: many that overlap must not take long. */
const MAX_NAME = 4096;

/** Bytes of an object, with the name of what they are: nothing is read beyond their end. Little endian. */
export class Part {
  readonly #view: DataView;

  constructor(
    /** For people: `section .BTF`. */
    readonly name: string,
    readonly bytes: Uint8Array,
  ) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get size(): number {
    return this.bytes.length;
  }

  place(offset: number): string {
    return `${this.name} + 0x${offset.toString(16)}`;
  }

  problem(offset: number, message: string, expected?: string): ElfProblem {
    return new ElfProblem(this.place(offset), message, expected === undefined ? {} : { expected });
  }

  /** @throws ElfProblem unless `size` bytes begin at `offset` */
  need(offset: number, size: number, what: string): void {
    if (offset >= 0 && size >= 0 && offset + size <= this.size) return;
    throw this.problem(Math.min(offset, this.size), `${what} would end behind the last of the ${this.size} bytes`);
  }

  u8(offset: number): number {
    this.need(offset, 1, 'a byte');
    return this.#view.getUint8(offset);
  }

  u16(offset: number): number {
    this.need(offset, 2, 'a number of 2 bytes');
    return this.#view.getUint16(offset, true);
  }

  u32(offset: number): number {
    this.need(offset, 4, 'a number of 4 bytes');
    return this.#view.getUint32(offset, true);
  }

  i32(offset: number): number {
    return this.u32(offset) | 0;
  }

  /** Over 2^53 it is rounded, which is beyond the end of anything. */
  u64(offset: number): number {
    this.need(offset, 8, 'a number of 8 bytes');
    return Number(this.#view.getBigUint64(offset, true));
  }

  /** Text up to a zero byte; what is longer than a name can be is cut off where the caller says so. */
  text(offset: number, cut = false): string {
    const window = this.bytes.subarray(Math.min(offset, this.size), offset + MAX_NAME);
    const end = window.indexOf(0);
    const ended = end >= 0 || (cut && window.length === MAX_NAME);
    if (!ended) throw this.problem(Math.min(offset, this.size), 'a name without an end');
    return TEXT.decode(end < 0 ? window : window.subarray(0, end));
  }

  /** @throws ElfProblem naming `what`, unless all of it is inside */
  slice(offset: number, size: number, name: string, what: string): Part {
    this.need(offset, size, what);
    return new Part(name, this.bytes.subarray(offset, offset + size));
  }
}
