import { expect, test } from '@jest/globals';
import { github } from './github';
import { bareFinding, failed, finding, held, reportOf, sweep } from './testing';

const print = (...results: Parameters<typeof reportOf>) => github(reportOf(...results), { color: false });

test.each([
  [[], 'no cases\n'],
  [[held()], '1 case as declared, 0 not\n'],
])('nothing to annotate', (results, printed) => {
  expect(print(...results)).toBe(printed);
});

test('an annotation stands at the YAML line', () => {
  const first = finding({ message: 'Wrong.', culprit: 'call of f', replay: 'privstack run x' });
  expect(print(failed({ findings: [first, finding({ consequence: true })], reason: '100% wrong' }))).toBe(
    '::error file=specs/private-stack/review-tree.yaml,line=14,col=7,title=review tree · unsaved' +
      '::fails frame-address, declared holds: 100%25 wrong' +
      '%0Aframe-address in prog.subtree_root pc 7: Wrong.' +
      '%0Awant 0xffffe8ffffc01008, got 0x5a5a5a5a5a5a5a5a, culprit: call of f' +
      '%0Aprivstack run x\n0 cases as declared, 1 not\n',
  );
});

test('without a place it stands at the file', () => {
  expect(print(failed({ findings: [bareFinding()] }))).toContain(
    '::error file=specs/private-stack/review-tree.yaml,title=review tree · unsaved::fails termination, declared holds',
  );
  expect(print(held({ asDeclared: false, declared: 'fails' }))).toContain('::holds, declared fails\n');
});

test('text cannot end an annotation or start another', () => {
  const printed = print(failed({ spec: 'a: b,\n::warning::c', file: 'x,y.yaml', findings: [], reason: '\r\n::stop' }));
  expect(printed.split('\n')).toHaveLength(3);
  expect(printed).toContain('file=x%2Cy.yaml,title=a%3A b%2C%0A%3A%3Awarning%3A%3Ac · unsaved::');
});

test('points that fail alike share one', () => {
  const change = (depth: number) =>
    depth === 250 ? {} : failed({ spec: 'depth sweep', file: 'specs/depth.yaml', point: { depth } });
  const printed = print(...sweep(500, change));
  expect(printed.match(/::error/g)).toHaveLength(1);
  expect(printed).toContain('%0Aand at 498 more points\n1 case as declared, 499 not\n');
});
