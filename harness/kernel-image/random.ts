/** Numbers from a seed: the same seed gives the same program on every machine (xorshift, 32 bits of state). */
export class Random {
  private state: number;

  constructor(seed: number) {
    // Neighbouring seeds must not start alike.
    this.state = Math.imul(seed + 1, 0x9e3779b1) ^ 0x5bd1e995 || 1;
    for (let i = 0; i < 8; i++) this.next();
  }

  private next(): number {
    let x = this.state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (this.state = x) >>> 0;
  }

  /** From 0 up to, not including, `end`. */
  below(end: number): number {
    return this.next() % end;
  }

  between(first: number, last: number): number {
    return first + this.below(last - first + 1);
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }

  /** True once in `n` times. */
  once(n: number): boolean {
    return this.below(n) === 0;
  }

  int32(): number {
    return this.next() | 0;
  }
}
