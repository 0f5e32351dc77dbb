import { afterAll, describe, expect, test } from '@jest/globals';
import { policyNamed } from '../../jit';
import { caseOf } from './case';
import { expected } from './expected';
import { FastRunner } from './fast';
import { prepare } from './prepare';

const CASES = 150;
const INPUTS = 4;

/** One for runs in one go, one for programs that were written down before, and one for runs that nothing native models or judges. */
const [quick, later, thorough] = [new FastRunner(), new FastRunner(), new FastRunner()];
afterAll(() => {
  for (const runner of [quick, later, thorough]) runner.close();
});

describe('all inputs in one go', () => {
  test.each([
    ['linux-6.18-fixed', 0],
    ['linux-6.18', 3],
    ['kernel-stack', 0],
    ['unsaved', 60],
    ['callee-adjust', 3],
    ['boundary-once', 30],
    ['subtree', 2],
  ])('%s: the first anomaly is the one that a careful look at each run finds', (name, least) => {
    const policy = policyNamed(name)!;
    let wrong = 0;
    let fitting = 0;
    /** Two cases behind the one that is looked at, so that nothing of one is left of another. */
    const packs = Array.from({ length: 3 }, () => later.pack());
    const ends: { readonly index: number; readonly nth: number }[] = [];
    const runOldest = (): void => {
      const { index, nth } = ends.shift()!;
      const pack = packs[index % packs.length]!;
      if (!pack.fits) return;
      fitting++;
      const done = later.runPacked(pack);
      expect([index, done]).toEqual([index, nth < 0 ? INPUTS : Math.min(done, nth)]);
    };
    for (let index = 0; index < CASES; index++) {
      const { fuzz, program, inputs } = caseOf(3, index, INPUTS);
      const prepared = prepare(fuzz, policy, undefined, program);
      if ('unfit' in prepared) continue;
      while (ends[0] && ends[0].index <= index - packs.length) runOldest();
      const pack = packs[index % packs.length]!;
      pack.take(prepared);
      pack.fill(inputs, prepared);
      quick.load(prepared);
      thorough.load(prepared);
      const seen = inputs.map((input) => thorough.run(input, expected(prepared, input)));
      const nth = seen.findIndex((anomaly) => anomaly !== null);
      expect([index, quick.runAll(inputs)]).toEqual([index, nth < 0 ? null : { nth, anomaly: seen[nth] }]);
      ends.push({ index, nth });
      if (nth >= 0) wrong++;
      else expect([quick.executed, quick.called]).toEqual([thorough.executed, thorough.called]);
    }
    while (ends.length > 0) runOldest();
    expect(fitting).toBeGreaterThan(CASES / 2);
    expect(wrong).toBeGreaterThanOrEqual(least);
    if (least === 0) expect(wrong).toBe(0);
  });
});
