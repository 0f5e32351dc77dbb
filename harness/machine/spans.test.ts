import { expect, test } from '@jest/globals';
import { spansOf } from './spans';

const span = (lo: number, hi: number) => ({ lo: BigInt(lo), hi: BigInt(hi) });

test.each([
  ['neighbours are one', [span(0, 9), span(16, 20)], [span(0, 20)]],
  ['far ones are two', [span(0, 9), span(200, 220)], [span(0, 9), span(200, 220)]],
  ['in any order, one in the other', [span(16, 20), span(0, 40)], [span(0, 40)]],
  ['none', [], []],
])('%s', (_, pieces, want) => {
  expect(spansOf(pieces)).toEqual(want);
});
