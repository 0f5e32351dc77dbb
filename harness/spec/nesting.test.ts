import { expect, test } from '@jest/globals';
import { MAX_NESTING, nesting } from './nesting';

test.each([
  ['flow sequences', '['.repeat(200)],
  ['flow mappings', '{a: '.repeat(200)],
  ['dashes on one line', '- '.repeat(200)],
  ['indentation', Array.from({ length: 200 }, (_, i) => `${' '.repeat(i)}a:`).join('\n')],
])('%s are too deep', (_name, text) => {
  expect(nesting(text)).toBeGreaterThan(MAX_NESTING);
});

test.each([
  ['many values beside each other', 'a: [1, 2]\n'.repeat(1000)],
  ['a long sequence', '- a\n'.repeat(1000)],
  ['brackets in a block of text', `asm: |\n  ${'['.repeat(200)}\n`],
  ['brackets in quotes', `a: "${'['.repeat(200)}"`],
])('%s are not', (_name, text) => {
  expect(nesting(text)).toBeLessThan(10);
});
