import { expect, test } from '@jest/globals';
import { FORMS } from './forms';
import { OPERANDS } from './operands';

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
const cross = (base: number, ops: readonly number[], low: readonly number[]): number[] =>
  ops.flatMap((op) => low.map((bits) => base | op | bits));

const K_AND_X = [0x00, 0x08];
const ALL_SIZES = [0x00, 0x08, 0x10, 0x18];
/** Without 64 bits. */
const NARROW = [0x00, 0x08, 0x10];
/** 0x80 is the negation, 0xd0 the byte swap: they have no second operand. */
const BINARY = range(13)
  .map((i) => i << 4)
  .filter((op) => op !== 0x80);
const CONDITIONS = range(14)
  .map((i) => i << 4)
  .filter((op) => op !== 0x00 && op !== 0x80 && op !== 0x90);

/** The opcode space of RFC 9669 and the kernel's extensions of it, counted without the forms. */
const OF_PROGRAMS = [
  ...cross(0x07, BINARY, K_AND_X),
  0x87,
  0xd7,
  ...cross(0x04, BINARY, K_AND_X),
  0x84,
  0xd4,
  0xdc,
  ...cross(0x05, CONDITIONS, K_AND_X),
  0x05,
  0x85,
  0x95,
  0xe5,
  ...cross(0x06, CONDITIONS, K_AND_X),
  0x06,
  ...cross(0x00, [0x20, 0x40], NARROW),
  0x18,
  ...cross(0x01, [0x60], ALL_SIZES),
  ...cross(0x01, [0x80], NARROW),
  ...cross(0x02, [0x60], ALL_SIZES),
  ...cross(0x03, [0x60, 0xc0], ALL_SIZES),
];

const OF_THE_VERIFIER = [
  ...cross(0x01, [0x20, 0xa0], ALL_SIZES),
  ...cross(0x01, [0x40, 0xc0], NARROW),
  ...cross(0x02, [0xa0], ALL_SIZES),
  0xc2,
  ...cross(0x03, [0xa0, 0xe0], ALL_SIZES),
];

const codes = (forms: typeof FORMS): number[] => [...new Set(forms.map(({ code }) => code))].sort((a, b) => a - b);
const sorted = (list: readonly number[]): number[] => [...list].sort((a, b) => a - b);

test('programs have 128 opcodes', () => {
  expect(codes(FORMS.filter(({ kernel }) => !kernel))).toEqual(sorted(OF_PROGRAMS));
  expect(OF_PROGRAMS.length).toBe(128);
});

test('the verifier adds 27', () => {
  const own = new Set(OF_PROGRAMS);
  expect(codes(FORMS.filter(({ code, kernel }) => kernel && !own.has(code)))).toEqual(sorted(OF_THE_VERIFIER));
});

test('every word in braces is an operand', () => {
  const words = FORMS.flatMap(({ text }) => [...text.matchAll(/\{(\w+)\}/g)].map(([, word]) => word!));
  expect(words.filter((word) => !(word in OPERANDS))).toEqual([]);
  expect(Object.keys(OPERANDS).filter((name) => !words.includes(name))).toEqual([]);
});
