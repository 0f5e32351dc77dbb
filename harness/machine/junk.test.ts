import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { fillJunk, junk } from './junk';

test('the same for the same seed and label, another one for others', () => {
  expect(junk(1, 'a')).toBe(junk(1, 'a'));
  const labels = Array.from({ length: 1000 }, (_, i) => junk(1, `label ${i}`));
  const seeds = Array.from({ length: 1000 }, (_, i) => junk(i + 2, 'label 0'));
  expect(new Set([...labels, ...seeds]).size).toBe(2000);
});

test('never a canonical address', () => {
  fc.assert(
    fc.property(fc.nat(), fc.string(), (seed, label) => {
      const top = junk(seed, label) >> 47n;
      expect(top === 0n || top === 0x1ffffn).toBe(false);
      expect(junk(seed, label) >> 64n).toBe(0n);
    }),
  );
});

test('filled memory has no two words alike, and nothing around it changes', () => {
  const memory = new Uint8Array(4096);
  fillJunk(memory.subarray(64, 4032), 1, 'stack');
  const words = new BigUint64Array(memory.buffer, 64, 496);
  expect(new Set(words).size).toBe(words.length);
  expect([...memory.subarray(0, 64), ...memory.subarray(4032)].every((byte) => byte === 0)).toBe(true);
  const again = new Uint8Array(3968);
  fillJunk(again, 1, 'stack');
  expect(again).toEqual(memory.slice(64, 4032));
});
