import { expect, test } from '@jest/globals';
import { json } from './json';
import type { FindingReport } from './model';
import { bareFinding, failed, finding, frame, held, reportOf } from './testing';

const print = (...results: Parameters<typeof reportOf>) => json(reportOf(...results), { color: true });

test('the contract, byte by byte', () => {
  const culprit = finding({ culprit: 'call of f', replay: 'privstack run x', message: 'Wrong.' });
  const result = failed({ findings: [culprit], framePointers: [frame('main', 'block(main) + 8', 8)] });
  expect(print({ ...result, point: { 'depth(main)': 64, seed: 1 } })).toBe(`{
  "version": 1,
  "results": [
    {
      "spec": "review tree",
      "file": "specs/private-stack/review-tree.yaml",
      "scenario": "plain",
      "point": {
        "depth(main)": 64,
        "seed": 1
      },
      "policy": "unsaved",
      "cpu": 0,
      "verdict": "fails",
      "declared": "holds",
      "asDeclared": false,
      "reason": null,
      "findings": [
        {
          "check": "frame-address",
          "consequence": false,
          "program": "prog",
          "subprog": "subtree_root",
          "bpfPc": 7,
          "bpf": "*(u64 *)(r10 - 120) = r1",
          "machineOffset": 76,
          "machine": "mov qword ptr [r9-78h], rdi",
          "yaml": {
            "file": "specs/private-stack/review-tree.yaml",
            "line": 14,
            "column": 7
          },
          "message": "Wrong.",
          "want": "0xffffe8ffffc01008",
          "got": "0x5a5a5a5a5a5a5a5a",
          "culprit": "call of f",
          "replay": "privstack run x"
        }
      ],
      "framePointers": [
        {
          "subprog": "main",
          "cpu": 0,
          "expected": "0xffffe8ffffc00f98",
          "seen": "0xffffe8ffffc00f98",
          "offset": 8
        }
      ]
    }
  ]
}
`);
});

test('an empty report', () => {
  expect(print()).toBe('{\n  "version": 1,\n  "results": []\n}\n');
});

test('what is unknown is null, not missing', () => {
  const nowhere = { subprog: 'f', cpu: 1, expected: null, seen: null, offset: null, term: null, declared: false };
  const { results } = JSON.parse(print(failed({ findings: [bareFinding()], framePointers: [nowhere] })));
  const unknown = { subprog: null, bpfPc: null, bpf: null, machineOffset: null, machine: null, yaml: null };
  expect(results[0].findings[0]).toMatchObject({ ...unknown, culprit: null });
  expect(results[0].framePointers).toEqual([{ subprog: 'f', cpu: 1, expected: null, seen: null, offset: null }]);
});

test('a trace is there only where it was asked for', () => {
  const { results } = JSON.parse(print(held(), held({ trace: ['main pc 0'] })));
  expect('trace' in results[0]).toBe(false);
  expect(results[1].trace).toEqual(['main pc 0']);
});

test('times and keys of no contract do not change a byte', () => {
  const extra = { ...finding(), internal: 1 } as FindingReport;
  const slow = failed({ milliseconds: 99, findings: [extra] });
  expect(print(slow)).toBe(print(failed({ milliseconds: 1 })));
});

test('any text survives', () => {
  const spec = 'ü 栈 🙂 "\\ \u0000\u001b\u2028 \ud800';
  expect(JSON.parse(print(held({ spec }))).results[0].spec).toBe(spec);
});
