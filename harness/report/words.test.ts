import { expect, test } from '@jest/globals';
import type { CaseReport } from './model';
import { bareFinding, failed, finding, held } from './testing';
import { elapsedText, outcome, subprogText, summaryText } from './words';

test.each<[CaseReport, string]>([
  [held(), 'holds'],
  [held({ declared: 'fails', asDeclared: false }), 'holds, declared fails'],
  [held({ asDeclared: false }), 'holds, not as declared'],
  [failed(), 'fails frame-address, declared holds'],
  [failed({ declared: 'fails', asDeclared: true }), 'fails frame-address, as declared'],
  [failed({ declared: 'fails' }), 'fails frame-address, not as declared'],
  [failed({ findings: [] }), 'fails, declared holds'],
  [failed({ findings: [finding({ consequence: true }), bareFinding()] }), 'fails termination, declared holds'],
  [failed({ findings: [finding({ consequence: true })] }), 'fails frame-address, declared holds'],
  [held({ verdict: 'refused', declared: 'refused' }), 'refused, as declared'],
  [held({ verdict: 'refused', asDeclared: false }), 'refused, declared holds'],
  [held({ verdict: 'not-applicable', declared: 'not-applicable' }), 'not applicable, as declared'],
])('outcome %#', (result, words) => {
  expect(outcome(result)).toBe(words);
});

test.each([
  [0, '0 ms'],
  [999.4, '999 ms'],
  [999.6, '1.0 s'],
  [59_949, '59.9 s'],
  [59_960, '1 min 00 s'],
  [3_725_000, '62 min 05 s'],
])('elapsed %d', (milliseconds, words) => {
  expect(elapsedText(milliseconds)).toBe(words);
});

test.each([
  [null, 'prog'],
  ['main', 'prog.main'],
  ['prog.main', 'prog.main'],
])('subprog %s', (subprog, words) => {
  expect(subprogText(finding({ subprog }))).toBe(words);
});

test('summary', () => {
  expect(summaryText({ version: 1, results: [] })).toBe('no cases');
  expect(summaryText({ version: 1, results: [held(), failed()] })).toBe('1 case as declared, 1 not');
});
