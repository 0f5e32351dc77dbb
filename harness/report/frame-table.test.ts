import { describe, expect, test } from '@jest/globals';
import { frameTable } from './frame-table';
import { bySpec } from './group';
import type { CaseReport } from './model';
import { failed, frame, held, REVIEW_TREE, sweep } from './testing';

const table = (cases: readonly CaseReport[], verbose = false) =>
  frameTable(bySpec(cases)[0]!, verbose, (cell) => cell).map((line) => line.trimEnd());

const MAIN = frame('main', 'block(main) + 8', 8);

test('expected in words and as a value, seen, and how far into the block', () => {
  const onKernelStack = { ...frame('main', 'kernel_stack(main)', 0), offset: null };
  expect(
    table([held({ framePointers: REVIEW_TREE }), held({ policy: 'kernel-stack', framePointers: [onKernelStack] })]),
  ).toEqual([
    'policy        subprog       expected                                     seen                into block',
    'subtree       subtree_root  private_stack_ptr + 120  0xffffe8ffffc01008  0xffffe8ffffc01008  120',
    '              subprog1      subtree_root_fp + 80     0xffffe8ffffc01058  0xffffe8ffffc01058  200',
    '              subprog2      subprog1_fp + 40         0xffffe8ffffc01080  0xffffe8ffffc01080  240',
    '              subprog3      subtree_root_fp + 160    0xffffe8ffffc010a8  0xffffe8ffffc010a8  280',
    'kernel-stack  main          kernel_stack(main)       0xffffe8ffffc00f90  0xffffe8ffffc00f90  -',
  ]);
});

test('null fields', () => {
  const nothing = { subprog: 'f', cpu: 0, expected: null, seen: null, offset: null, term: null, declared: true };
  expect(table([held({ framePointers: [nothing] })])).toEqual([
    'policy   subprog  expected  seen  into block',
    'subtree  f        -         -     -',
  ]);
});

test('scenarios and CPUs are columns only where they tell rows apart', () => {
  const cases = ['plain', 'replaced', 'throw'].map((scenario) => held({ scenario, framePointers: [MAIN] }));
  expect(table(cases)).toHaveLength(2);
  expect(table([...cases, held({ scenario: 'deep', framePointers: [{ ...MAIN, cpu: 1, offset: 16 }] })])).toEqual([
    'policy   scenario     cpu  subprog  expected                             seen                into block',
    'subtree  3 scenarios  0    main     block(main) + 8  0xffffe8ffffc00f98  0xffffe8ffffc00f98  8',
    'subtree  deep         1    main     block(main) + 8  0xffffe8ffffc00f98  0xffffe8ffffc00f98  16',
  ]);
});

test('policies stand together', () => {
  const other = [{ ...MAIN, offset: 16 }];
  const rows = table([
    held({ framePointers: [MAIN] }),
    held({ policy: 'linux-6.18', framePointers: [MAIN] }),
    held({ scenario: 'x', framePointers: other }),
  ]);
  expect(rows.slice(1).map((row) => row.split(' ')[0])).toEqual(['subtree', 'subtree', 'linux-6.18']);
});

describe('no table', () => {
  test.each<[string, CaseReport[]]>([
    ['without frame pointers', [held()]],
    ['for a sweep', sweep(2, () => ({ framePointers: [MAIN] }))],
    ['for many subprogs', [held({ framePointers: Array.from({ length: 9 }, (_, n) => frame(`f${n}`, 'x', n)) })]],
    ['of what fails', [failed({ framePointers: [MAIN] }), failed({ framePointers: [MAIN], asDeclared: true })]],
    ['of what holds but should not', [held({ framePointers: [MAIN], declared: 'fails', asDeclared: false })]],
  ])('%s', (_, cases) => {
    expect(table(cases)).toEqual([]);
  });
});

test('verbose has no limits', () => {
  const cases = sweep(500, (depth) => ({ framePointers: [frame('main', 'x', depth)] }));
  expect(table(cases, true)).toHaveLength(501);
});
