import { writeFileSync } from 'node:fs';
import { GUARD } from '../kernel/percpu';

const MAGIC = 0x31504f4f4c455241n;
const FIRST = 1 << 20;

/**
 * Programs, and everything that they run with, as src/bare-file.c reads it: 64-bit words, little endian; bytes are padded to
 * whole words.
 */
export class CaseFile {
  private words = new BigUint64Array(FIRST);
  private used = 0;
  /** Where the number of programs stands. */
  private countAt = 0;
  private programs = 0;

  word(value: bigint | number): this {
    if (this.used === this.words.length) this.grow(1);
    this.words[this.used++] = BigInt(value);
    return this;
  }

  list(values: BigUint64Array | readonly bigint[]): this {
    if (this.used + values.length > this.words.length) this.grow(values.length);
    this.words.set(values, this.used);
    this.used += values.length;
    return this;
  }

  bytes(bytes: Uint8Array): this {
    const padded = new Uint8Array(Math.ceil(bytes.length / 8) * 8);
    padded.set(bytes);
    return this.list(new BigUint64Array(padded.buffer));
  }

  private grow(more: number): void {
    const larger = new BigUint64Array(2 * this.words.length + more);
    larger.set(this.words);
    this.words = larger;
  }

  begin({ regions, cpus, junk, ...setup }: Surroundings): void {
    this.word(MAGIC).word(setup.stop).word(setup.image);
    this.word(setup.helpers).word(setup.stride).word(setup.plain).word(setup.helperBytes);
    this.word(setup.context).word(setup.contextBytes).word(setup.stackUsed).word(GUARD);
    this.word(junk.length).bytes(junk).word(regions.length);
    for (const { address, bytes, prot } of regions) this.word(address).word(bytes.length).word(prot).bytes(bytes);
    this.word(cpus.length);
    for (const { stack, entryRsp, area } of cpus) this.word(stack).word(entryRsp).word(area);
    this.countAt = this.used;
    this.word(0);
  }

  program({ entry, code, areaBytes, guards }: CodeOfCase, inputs: readonly CaseFile[]): void {
    this.programs++;
    this.word(entry).word(code.length).bytes(code).word(areaBytes).word(guards.length).list(guards);
    this.word(inputs.length);
    for (const input of inputs) this.append(input);
  }

  append({ words, used }: CaseFile): this {
    return this.list(words.subarray(0, used));
  }

  write(path: string): void {
    this.words[this.countAt] = BigInt(this.programs);
    writeFileSync(path, new Uint8Array(this.words.buffer, 0, this.used * 8));
  }

  /** For a part of the file: few words. */
  static part(): CaseFile {
    const part = new CaseFile();
    part.words = new BigUint64Array(1 << 10);
    return part;
  }
}

/** What all programs have in common. */
export interface Surroundings {
  readonly stop: bigint;
  readonly image: bigint;
  readonly helpers: bigint;
  readonly stride: bigint;
  /** Helpers that only destroy registers; those behind them do what they did. */
  readonly plain: number;
  readonly helperBytes: number;
  readonly context: bigint;
  readonly contextBytes: number;
  /** Bytes of stack below the entry that are restored. */
  readonly stackUsed: number;
  readonly junk: Uint8Array;
  readonly regions: readonly { readonly address: bigint; readonly bytes: Uint8Array; readonly prot: number }[];
  readonly cpus: readonly { readonly stack: bigint; readonly entryRsp: bigint; readonly area: bigint }[];
}

export interface CodeOfCase {
  readonly entry: bigint;
  readonly code: Uint8Array;
  /** Bytes of each CPU's dynamic area that are restored. */
  readonly areaBytes: number;
  readonly guards: readonly bigint[];
}
