import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { readObject } from './index';
import { testdata } from './testing';

/** Objects that were damaged, all together. */
const DAMAGED = 10_000;
/** What one takes at most, on a machine that does other things too: a whole one takes 1 ms. */
const MOST_MILLISECONDS = 2_000;

const kernel = testdata('kernel');
const NAMES = ['chain', 'core', 'programs', 'types'];

/** Bytes that change, and where the file ends: mostly where it did. */
const damage = fc.record({
  bytes: fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 6 }),
  cut: fc.option(fc.nat(), { freq: 9 }),
});

describe.each(NAMES)('%s', (name) => {
  const whole = testdata(name);

  test('damaged, is read or has issues with a place: nothing is thrown, and soon', () => {
    let slowest = 0;
    fc.assert(
      fc.property(damage, ({ bytes, cut }) => {
        const changed = whole.slice();
        for (const [at, value] of bytes) changed[at % changed.length] = value;
        const given = cut === null ? changed : changed.subarray(0, cut % changed.length);
        const started = performance.now();
        const read = readObject(given, { kernelTypes: () => kernel });
        slowest = Math.max(slowest, performance.now() - started);
        if (read.ok) return read.object.maps.every(({ initial = [] }) => initial.length <= 4 << 20);
        return read.issues.length > 0 && read.issues.every(({ place, message }) => place !== '' && message !== '');
      }),
      { numRuns: DAMAGED / NAMES.length },
    );
    expect(slowest).toBeLessThan(MOST_MILLISECONDS);
  });
});

test('damaged types of the kernel are issues, too', () => {
  const object = testdata('core');
  fc.assert(
    fc.property(damage, ({ bytes, cut }) => {
      const changed = kernel.slice();
      for (const [at, value] of bytes) changed[at % changed.length] = value;
      const given = cut === null ? changed : changed.subarray(0, cut % changed.length);
      const read = readObject(object, { kernelTypes: () => given, section: 'kprobe/asks' });
      return read.ok || read.issues.every(({ place }) => place !== '');
    }),
    { numRuns: 500 },
  );
});
