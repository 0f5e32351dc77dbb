import { describe, expect, test } from '@jest/globals';
import { formatIssue, formatPath, issueAt, sortIssues } from './issues';

const at = (line: number, column: number, file = 'a.yaml') => ({ file, line, column });

describe('formatIssue', () => {
  test.each([
    [issueAt(at(3, 1), ['polices'], 'unknown key', {}), 'a.yaml:3:1  polices: unknown key'],
    [
      issueAt(at(1, 1), [], 'the file is empty', { expected: 'a spec' }),
      'a.yaml:1:1  the file is empty, expected a spec',
    ],
    [
      issueAt(at(9, 7), ['cpus', 1], '2', { expected: '0 or 1', suggestion: '1' }),
      'a.yaml:9:7  cpus[1]: 2, expected 0 or 1 (did you mean `1`?)',
    ],
  ])('%#', (issue, line) => {
    expect(formatIssue(issue)).toBe(line);
  });
});

test('a path is written as one would write it', () => {
  expect(formatPath(['scenarios', 'throw deep', 'do', 0])).toBe('scenarios."throw deep".do[0]');
  expect(formatPath(['sweep', 'depth(main)'])).toBe('sweep.depth(main)');
});

test('hints that are absent leave no key', () => {
  expect(Object.keys(issueAt(at(1, 1), [], 'm'))).toEqual(['file', 'line', 'column', 'path', 'message']);
});

test('issues are sorted by place, files in their own order', () => {
  const places = [at(2, 1, 'b'), at(9, 1, 'a'), at(1, 5, 'b'), at(1, 2, 'b')];
  const sorted = sortIssues(places.map((each) => issueAt(each, [], 'm')));
  expect(sorted.map(({ file, line, column }) => `${file}:${line}:${column}`)).toEqual([
    'b:1:2',
    'b:1:5',
    'b:2:1',
    'a:9:1',
  ]);
});
