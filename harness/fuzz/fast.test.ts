import { afterAll, describe, expect, test } from '@jest/globals';
import { policyNamed } from '../../jit';
import { caseOf } from './case';
import { expected } from './expected';
import { FastRunner } from './fast';
import { prepare } from './prepare';

const CASES = 150;
const INPUTS = 4;

/** One for runs in one go, and one for runs that nothing native models or judges. */
const [quick, thorough] = [new FastRunner(), new FastRunner()];
afterAll(() => {
  quick.close();
  thorough.close();
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
    for (let index = 0; index < CASES; index++) {
      const { fuzz, program, inputs } = caseOf(3, index, INPUTS);
      const prepared = prepare(fuzz, policy, undefined, program);
      if ('unfit' in prepared) continue;
      quick.load(prepared);
      thorough.load(prepared);
      const seen = inputs.map((input) => thorough.run(input, expected(prepared, input)));
      const nth = seen.findIndex((anomaly) => anomaly !== null);
      expect([index, quick.runAll(inputs)]).toEqual([index, nth < 0 ? null : { nth, anomaly: seen[nth] }]);
      if (nth >= 0) wrong++;
      else expect([quick.executed, quick.called]).toEqual([thorough.executed, thorough.called]);
    }
    expect(wrong).toBeGreaterThanOrEqual(least);
    if (least === 0) expect(wrong).toBe(0);
  });
});
