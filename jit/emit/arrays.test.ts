import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { int32Array, uint8Array } from './arrays';

const request = fc.record({
  make: fc.constantFrom(int32Array, uint8Array),
  length: fc.oneof(fc.integer({ min: 0, max: 300 }), fc.constantFrom(16_384, 65_536, 70_001)),
});

test('arrays are as long as asked for, zeroed, and nobody else writes to them', () => {
  fc.assert(
    fc.property(fc.array(request, { maxLength: 12 }), (requests) => {
      const made = requests.map(({ make, length }, i) => {
        const array = make(length);
        expect(array).toHaveLength(length);
        expect(array.every((value) => value === 0)).toBe(true);
        return array.fill(i + 1);
      });
      made.forEach((array, i) => {
        expect(array.every((value) => value === i + 1)).toBe(true);
      });
    }),
    { numRuns: 50 },
  );
});
