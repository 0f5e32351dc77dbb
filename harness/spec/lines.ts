/** The lines of a text, and the way from offsets to them. (yaml's LineCounter misses lines inside what is no YAML.) */
export class Lines {
  /** Without their line ends. */
  readonly texts: readonly string[];
  readonly #starts: number[] = [0];

  constructor(text: string) {
    const raw = text.split('\n');
    for (const line of raw) this.#starts.push(this.#starts[this.#starts.length - 1]! + line.length + 1);
    this.texts = raw.map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line));
  }

  /** Line and column of an offset, from 1. */
  at(offset: number): { line: number; column: number } {
    let low = 0;
    let high = this.texts.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (this.#starts[middle]! <= offset) low = middle;
      else high = middle;
    }
    return { line: low + 1, column: offset - this.#starts[low]! + 1 };
  }
}
