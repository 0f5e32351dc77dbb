import { expect, test } from '@jest/globals';
import { FORMS } from './forms';
import { nops } from './nops';
import { assemble } from './testing/assemble';

const bytesOf = (length: number): string =>
  nops(length)
    .map((name) => Buffer.from(assemble({ form: FORMS[name], operands: [] })).toString('hex'))
    .join(' ');

test.each([
  [0, ''],
  [1, '90'],
  [2, '6690'],
  [3, '0f1f00'],
  [4, '0f1f4000'],
  [5, '0f1f440000'],
  [6, '0f1f440000 90'],
  [13, '0f1f440000 0f1f440000 0f1f00'],
])('%i bytes', (length, want) => {
  expect(bytesOf(length)).toBe(want);
});
