import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { formatIssue } from './issues';
import { loadFiles, parseSpecText } from './load';
import { lowerSpec } from './lower';

const EXAMPLES = ['nested-call.yaml', 'extension.yaml'].map((name) =>
  readFileSync(join(__dirname, 'testdata', name), 'utf8'),
);
const POLICIES = ['kernel-stack', 'linux-6.18', 'linux-6.18-fixed', 'subtree', 'callee-adjust', 'unsaved'];

/** All issues of a text, after everything that can be done with it. */
function digest(text: string): string[] {
  const { specs, issues } = parseSpecText(text, 'x.yaml');
  const lowered = specs.map((each) => lowerSpec(each, { policies: POLICIES }));
  return [...issues, ...lowered.flatMap((each) => (each.ok ? [] : each.issues))].map(formatIssue);
}

test('however a spec is damaged, what comes is a list of issues with positions inside the file', () => {
  const pieces = [
    '{',
    '}',
    '[',
    ']',
    ':',
    ',',
    '\n',
    '  ',
    '-',
    '"',
    '|',
    '&a ',
    '*a',
    '!',
    '0',
    '~',
    '.',
    'main',
    '#',
    '---\n',
    '\u0000',
    '𝄞',
  ];
  const edit = fc.record({ at: fc.nat(), remove: fc.nat({ max: 12 }), insert: fc.constantFrom('', ...pieces) });
  fc.assert(
    fc.property(fc.constantFrom(...EXAMPLES), fc.array(edit, { minLength: 1, maxLength: 4 }), (example, edits) => {
      const text = edits.reduce((before, { at, remove, insert }) => {
        const from = at % (before.length + 1);
        return before.slice(0, from) + insert + before.slice(from + remove);
      }, example);
      const lines = text.split('\n');
      for (const issue of digest(text)) {
        const [, line, column] = /^x\.yaml:(\d+):(\d+) {2}/.exec(issue)!;
        expect(Number(line)).toBeLessThanOrEqual(lines.length);
        expect(Number(column)).toBeLessThanOrEqual((lines[Number(line) - 1]?.length ?? 0) + 1);
      }
    }),
    { numRuns: 300 },
  );
});

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'privstack-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

test('two specs of one name are reported with both positions, whatever files they are in', () => {
  const spec = (name: string): string => `# a spec\nname: ${name}\nprograms: { p: { type: xdp, tree: main 8 } }\n`;
  writeFileSync(join(directory, 'a.yaml'), `${spec('one')}---\n${spec('two')}`);
  writeFileSync(join(directory, 'b.yaml'), spec('two'));
  const { specs, issues } = loadFiles([directory, join(directory, 'none.yaml')]);
  expect(specs).toHaveLength(3);
  expect(issues.map((each) => formatIssue(each).replaceAll(`${directory}/`, ''))).toEqual([
    'none.yaml:1:1  no such file or directory',
    'b.yaml:2:7  name: a second spec named "two"; the first is at a.yaml:6:7',
  ]);
});

test('a claim is decided by one spec', () => {
  const spec = (name: string, id: string): string =>
    `name: ${name}\nclaim: { id: ${id}, statement: s, source: { message: m, claim: c }, property: p }\nprograms: { p: { type: xdp, tree: main 8 } }\n`;
  const path = join(directory, 'claims', 'c.yaml');
  mkdirSync(join(directory, 'claims'));
  writeFileSync(path, [spec('one', 'C1'), spec('two', 'C2'), spec('three', 'C1')].join('---\n'));
  expect(loadFiles([path]).issues.map((each) => formatIssue(each).replaceAll(`${directory}/`, ''))).toEqual([
    'claims/c.yaml:10:14  claim.id: a second spec about the claim "C1"; the first is at claims/c.yaml:2:14',
  ]);
});
