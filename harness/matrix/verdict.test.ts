import { describe, expect, test } from '@jest/globals';
import type { CaseReport, FindingReport, VerdictName } from '../report/model';
import { claimVerdict } from './verdict';

const finding = (check: string) => ({ check }) as FindingReport;

function cases(...shown: (readonly [VerdictName, string | null, asDeclared?: boolean])[]): CaseReport[] {
  return shown.map(([verdict, text, asDeclared = true]) => ({
    ...{ spec: 's', file: 'f', scenario: 'plain', point: {}, policy: 'mine', cpu: 0, milliseconds: 0 },
    ...{ verdict, declared: verdict, asDeclared, framePointers: [] },
    reason: verdict === 'fails' ? null : text,
    findings: verdict === 'fails' ? [finding(text!), finding('fault')] : [],
  }));
}

describe('the verdict of a claim under a policy', () => {
  test.each<[string, CaseReport[], ReturnType<typeof claimVerdict>['verdict'], string | null, string | null]>([
    ['all hold', cases(['holds', null], ['holds', null]), 'holds', null, null],
    ['one fails', cases(['holds', null], ['fails', 'guards'], ['fails', 'retval']), 'fails', null, 'guards'],
    ['none ran', cases(['not-applicable', 'an arena'], ['refused', 'too deep']), 'not-applicable', 'an arena', null],
    ['the verifier', cases(['refused', 'too deep']), 'not-applicable', 'too deep', null],
    ['some ran', cases(['refused', 'too deep'], ['holds', null]), 'holds', 'not in 1 case: too deep', null],
    [
      'some ran and fail',
      cases(['refused', 'x'], ['fails', 'guards'], ['refused', 'y']),
      'fails',
      'not in 2 cases: x',
      'guards',
    ],
  ])('%s', (_name, all, verdict, reason, check) => {
    const found = claimVerdict('mine', all);
    expect({ ...found, finding: found.finding?.check ?? null }).toEqual({
      ...{ policy: 'mine', verdict, reason, finding: check, asDeclared: true },
    });
  });

  test('is not as declared when one case is not', () => {
    expect(claimVerdict('mine', cases(['holds', null], ['holds', null, false])).asDeclared).toBe(false);
  });
});
