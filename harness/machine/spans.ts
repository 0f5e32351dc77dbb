/** A piece of code, both ends included. */
export interface CodeSpan {
  readonly lo: bigint;
  readonly hi: bigint;
}

/** Pieces closer than this are one: what stands between them is looked at in vain. */
const NEIGHBOURS = 64n;

/** The same pieces with neighbours together, because the engine looks at few ranges only. */
export function spansOf(pieces: readonly CodeSpan[]): CodeSpan[] {
  const spans: { lo: bigint; hi: bigint }[] = [];
  for (const { lo, hi } of [...pieces].sort((a, b) => (a.lo < b.lo ? -1 : 1))) {
    const last = spans[spans.length - 1];
    if (!last || lo - last.hi > NEIGHBOURS) spans.push({ lo, hi });
    else if (hi > last.hi) last.hi = hi;
  }
  return spans;
}
