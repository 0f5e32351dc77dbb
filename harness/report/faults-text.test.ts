import { describe, expect, test } from '@jest/globals';
import type { FaultExplanation, FaultMatrix, FaultRow } from './faults-model';
import { faultsJson, faultsText, faultText } from './faults-text';

const row = (rest: Partial<FaultRow>): FaultRow => ({
  ...{ id: 'F01', fired: true, killedBy: ['retval', 'memory'], named: 'retval', spec: 'a spec', survived: false },
  ...rest,
});

const MATRIX: FaultMatrix = {
  mutants: 4,
  killed: 1,
  rows: [
    row({}),
    row({ id: 'F02', killedBy: [], spec: null, survived: true }),
    row({ id: 'F03', killedBy: [], spec: null, survived: true, fired: false }),
    row({ id: 'F04', killedBy: ['memory'], spec: null }),
  ],
  excluded: [{ id: 'F05', reason: 'is F01' }],
  problems: ['F02 (a story)\n  survived: do something'],
};

test('the matrix: a line for each mutant, what is left out, what is wrong, the count', () => {
  expect(faultsText(MATRIX)).toBe(
    [
      '✓  F01  retval  a spec        and memory',
      '✗  F02  retval  survived',
      '✗  F03  retval  never fired',
      '✗  F04  retval  wrong killer  and memory',
      '',
      '-  F05  is F01',
      '',
      'F02 (a story)',
      '  survived: do something',
      '',
      '4 mutants, 1 killed by the check that has to; 1 left out',
      '',
    ].join('\n'),
  );
});

test('as JSON, without what is only for people', () => {
  const { problems, ...data } = MATRIX;
  expect(JSON.parse(faultsJson(MATRIX))).toEqual(data);
});

describe('one fault', () => {
  const same = (text: string) => ({ sound: text, mutant: text, same: true });
  const explanation: FaultExplanation = {
    ...{ row: row({}), story: 'The story.', commit: null, policy: 'linux-6.18', file: 'specs/a.yaml', finding: null },
    of: 'main of prog',
    listing: [
      ...['a', 'b', 'c', 'd'].map(same),
      { sound: 'push r9', mutant: null, same: false },
      { sound: 'old', mutant: 'new', same: false },
      { sound: null, mutant: 'more', same: false },
      ...['e', 'f', 'g', 'h', 'i'].map(same),
    ],
    problem: null,
  };

  test('what differs stands side by side, and a few lines around it', () => {
    expect(faultText(explanation)).toBe(
      [
        'F01: The story.',
        '  policy     linux-6.18',
        '  real       never, as far as is known',
        '  killed by  retval',
        '  in         a spec (specs/a.yaml)',
        '',
        'main of prog, as it is and with the fault:',
        '  ...',
        '  b         b',
        '  c         c',
        '  d         d',
        '  push r9 <',
        '  old     | new',
        '          > more',
        '  e         e',
        '  f         f',
        '  g         g',
        '  ...',
        '',
      ].join('\n'),
    );
  });

  test('a commit, a capture, code that is the same, a problem', () => {
    const text = faultText({
      ...explanation,
      ...{ commit: 'aee194b14dd2', file: null, of: null, problem: 'something is wrong' },
    });
    expect(text).toContain('real       mended by aee194b14dd2\n');
    expect(text).toContain('in         a spec\n');
    expect(text).toMatch(/The code is the same: what is around it is not\.\n\nsomething is wrong\n$/);
  });
});
