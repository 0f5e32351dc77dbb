/**
 * Values for what has none: registers and stack that nobody has written, and r1 to r5 after a call. The verifier forbids
 * to read most of it; a program that does read it is found out, because nobody else has the same values.
 */

const next = (state: number): number => {
  let x = state;
  x ^= x << 13;
  x ^= x >>> 17;
  x ^= x << 5;
  return x | 0;
};

/** Never zero, which would stay zero. */
const start = (seed: number): number => (Math.imul(seed ^ 0x5bd1e995, 0x9e3779b1) ^ 0x6f7261c5) | 1;

export class Junk {
  private state: number;

  private readonly mask: number;

  /** @param inverted whether every bit is the other way round */
  constructor(seed: number, inverted = false) {
    this.state = start(seed);
    this.mask = inverted ? -1 : 0;
  }

  /** 32 bits, signed. */
  word(): number {
    this.state = next(this.state);
    return this.state ^ this.mask;
  }

  /** Fills memory; `bytes` must start at a multiple of 4. */
  fill(bytes: Uint8Array): void {
    const words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
    for (let i = 0; i < words.length; i++) words[i] = this.word();
  }
}
