import { describe, expect, it } from '@jest/globals';
import { decode } from '../../capture/decode';
import { type ImageMutant, mutantsOf, mutate } from './mutants';
import { type ImageFunction, nop, relayout } from './relayout';

const ADDRESS = 0xffffffffc0020000n;

function fn(hex: string, lines: ImageFunction['lines'] = [[0, 0]]): ImageFunction {
  const bytes = Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
  return { name: 'main', address: ADDRESS, bytes, lines, rows: decode(bytes, ADDRESS) };
}

// test eax, eax; je behind the inc; inc eax; dec eax; ret
const BRANCH = fn('85 c0  74 02  ff c0  ff c8  c3', [
  [0, 0],
  [1, 4],
  [2, 6],
]);
const textOf = (bytes: Uint8Array) => decode(bytes, ADDRESS).map(({ text }) => text.replace('short ', ''));
const mutant = (operation: ImageMutant['operation'], row: number): ImageMutant => ({ operation, fn: 0, row });
const at = (offset: number) => `0x${(ADDRESS + BigInt(offset)).toString(16)}`;

describe('instructions in another order', () => {
  it('are the same bytes in the same order', () => {
    const order = BRANCH.rows.map((_, row) => ({ row }));
    const same = relayout(BRANCH, order, (row) => row, BRANCH.bytes.length);
    expect(same).toEqual({ bytes: BRANCH.bytes, lines: BRANCH.lines });
  });

  it.each([
    ['delete', 2, ['test eax, eax', `je ${at(6)}`, 'nop', 'dec eax', 'ret'], [0, 4, 6]],
    ['duplicate', 2, ['test eax, eax', `je ${at(8)}`, 'inc eax', 'inc eax', 'dec eax', 'ret'], [0, 4, 8]],
    ['duplicate', 1, ['test eax, eax', `je ${at(8)}`, `je ${at(8)}`, 'inc eax', 'dec eax', 'ret'], [0, 6, 8]],
    // Who jumped to the dec still goes to that place, where the inc is now.
    ['swap', 2, ['test eax, eax', `je ${at(6)}`, 'dec eax', 'inc eax', 'ret'], [0, 4, 6]],
    ['swap', 0, [`je ${at(6)}`, 'test eax, eax', 'inc eax', 'dec eax', 'ret'], [0, 4, 6]],
  ] as const)('%s instruction %i', (operation, row, text, offsets) => {
    const made = mutate(BRANCH, mutant(operation, row), 32);
    if (typeof made === 'string') throw new Error(made);
    expect(textOf(made.bytes).map((each) => each.replace('xchg ax, ax', 'nop'))).toEqual(text);
    expect(made.lines).toEqual(offsets.map((offset, slot) => [slot, offset]));
  });

  it.each([
    ['a short jump does not reach', `eb 7f ${'90'.repeat(127)} c3`, 5],
    ['an operand is relative to rip', '90 48 8b 05 00 00 00 00 c3', 0],
    ['no room behind the function', '90 c3', 0],
  ])('cannot be made: %s', (why, hex, row) => {
    const of = fn(hex);
    expect(mutate(of, mutant('duplicate', row), why.startsWith('no room') ? of.bytes.length : 999)).toBe(why);
  });

  it('are three mutants each, but that the last has no neighbour', () => {
    expect(mutantsOf([BRANCH])).toHaveLength(3 * BRANCH.rows.length - 1);
  });
});

it.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15])('a nop of %i bytes is one instruction', (size) => {
  const rows = decode(nop(size), ADDRESS);
  expect(rows.map((row) => row.size)).toEqual([size]);
});
