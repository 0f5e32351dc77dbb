import { expect, test } from '@jest/globals';
import { parseHexText } from './hex-text';

const TEXT = `\
  18010000 05000000 0000000000000000   # r1 = 5 ll
8510 0000 01000000 9500000000000000    // call +1; exit
b700000000000000
9500000000000000`;

test('instructions in wire form, and where each stands', () => {
  const parsed = parseHexText(TEXT, { name: 'p' });
  expect(parsed).toMatchObject({ ok: true, program: { name: 'p', subprogs: [{ name: 'main' }, { name: 'func1' }] } });
  const places = parsed.ok ? parsed.places.map((each) => each.map(({ line, column }) => `${line}:${column}`)) : [];
  expect(places).toEqual([
    ['1:3', '2:1', '2:20'],
    ['3:1', '4:1'],
  ]);
});

test.each([
  ['', '1:1', /empty/],
  ['9500000000000000\n xx', '2:2', /`x` is not a hexadecimal digit/],
  ['9500000000000000 95', '1:18', /the last instruction has 1 of 8 bytes/],
  ['b700000000000000\n8510000040000000\n9500000000000000', '2:1', /refers to 66/],
  ['b70c000000000000\n9500000000000000', '1:1', /./],
])('%j', (text, place, message) => {
  const parsed = parseHexText(text, {});
  const [error] = parsed.ok ? [] : parsed.errors;
  expect(`${error?.line}:${error?.column}`).toBe(place);
  expect(error?.message).toMatch(message);
});
