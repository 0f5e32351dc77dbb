import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { byteDifference } from './byte-oracle';
import { FaultJudge } from './matrix';
import type { Mutation } from './mutation';
import { type ShippedCase, shippedCases } from './shipped';

/** What changes nothing, at each point. */
const IDENTITY: Required<Mutation> = {
  analysis: (analysis) => structuredClone(analysis),
  policy: (policy) => ({ ...policy }),
  stream: (items) => items.map((item) => ({ ...item })),
  bytes: (bytes) => bytes.slice(),
  options: (around) => ({ passes: { ...around.passes }, kernel: { ...around.kernel } }),
};

const POINTS = Object.keys(IDENTITY) as (keyof Mutation)[];
const identityAt = (points: readonly (keyof Mutation)[]): Mutation =>
  Object.fromEntries(points.map((point) => [point, IDENTITY[point]]));

const SLOW = 60_000;

describe('a mutation that changes nothing', () => {
  test(
    'at any of the points: every capture has the same bytes',
    () => {
      fc.assert(
        fc.property(fc.subarray(POINTS), (points) => expect(byteDifference(identityAt(points))).toBeNull()),
        { numRuns: 6 },
      );
    },
    SLOW,
  );

  test(
    'at all points: every shipped spec compiles to the same bytes',
    async () => {
      const judge = new FaultJudge();
      const cases = [...(await shippedCases(['specs'])).values()].flat();
      const changed = (each: ShippedCase) => judge.changes(each, IDENTITY);
      expect(cases.length).toBeGreaterThan(1000);
      expect(cases.filter(changed).map(({ key }) => key)).toEqual([]);
    },
    SLOW,
  );
});

test('the JIT has hooks, and knows of no mutation', () => {
  const jit = join(__dirname, '..', '..', 'jit');
  const files = readdirSync(jit, { recursive: true }).map(String);
  const sources = files.filter((name) => /\.(ts|md|txt)$/.test(name));
  expect(sources.length).toBeGreaterThan(100);
  expect(sources.filter((name) => /mutat/i.test(readFileSync(join(jit, name), 'utf8')))).toEqual([]);
});
