import { describe, expect, test } from '@jest/globals';
import { LowerContext } from './context';
import { formatIssue } from './issues';
import { parseSpecText } from './load';
import { sweepPoints } from './sweep';

function points(sweep: string) {
  const text = `name: x\nprograms: { prog: { type: kprobe, tree: main 8 } }\n${sweep}\n`;
  const { spec, source } = parseSpecText(text, 'x.yaml').specs[0]!;
  const context = new LowerContext(source);
  return { points: sweepPoints(spec, context), issues: context.issues.map(formatIssue) };
}

test('without a sweep there is one point, without values', () => {
  expect(points('')).toEqual({ points: [{}], issues: [] });
});

test('all combinations, the last key varying fastest', () => {
  expect(points('sweep: { depth(main): [49, 64], seed: 1..3 }').points).toEqual([
    { 'depth(main)': 49, seed: 1 },
    { 'depth(main)': 49, seed: 2 },
    { 'depth(main)': 49, seed: 3 },
    { 'depth(main)': 64, seed: 1 },
    { 'depth(main)': 64, seed: 2 },
    { 'depth(main)': 64, seed: 3 },
  ]);
  expect(points('sweep: { depth(main): "0..512" }').points).toHaveLength(513);
});

describe('errors', () => {
  test.each([
    ['sed: [1]', 'x.yaml:3:10  sweep.sed: unknown key `sed`, expected seed or depth(<subprog>) (did you mean `seed`?)'],
    ['seed: 9..1', 'x.yaml:3:16  sweep.seed: the range 9..1 runs backwards, expected "1..9"'],
    ['seed: 1...3', 'x.yaml:3:16  sweep.seed: "1...3", expected a list of numbers or a range "0..64"'],
    ['depth(main): [8, 520]', 'x.yaml:3:27  sweep.depth(main)[1]: frame of 520 bytes, expected at most 512'],
    ['depth(main): 500..520', 'x.yaml:3:23  sweep.depth(main): frame of 513 bytes, expected at most 512'],
    ['seed: 1..999999999', 'x.yaml:3:1  sweep: more than 10000 points, expected fewer or shorter ranges'],
    [
      'depth(main): 0..511, seed: 1..100',
      'x.yaml:3:1  sweep: more than 10000 points, expected fewer or shorter ranges',
    ],
  ])('%s', (sweep, issue) => {
    expect(points(`sweep: { ${sweep} }`).issues).toEqual([issue]);
  });
});
