import { describe, expect, test } from '@jest/globals';
import { callTree, type Tree } from './call-tree.fixture';
import { analyse, type ErrorOptions, programErrors } from './index';

const chain = (length: number): Tree =>
  Object.fromEntries(Array.from({ length }, (_, i) => [`f${i}`, i + 1 < length ? [0, `f${i + 1}`] : [0]] as const));

describe('what is wrong under every policy', () => {
  test.each<[tree: Tree, errors: [subprog: number, pc: number, message: string][]]>([
    [{ main: [512, 'sub'], sub: [512] }, []],
    [{ main: [8, 'main'] }, [[0, 1, 'recursive call: main -> main']]],
    [{ main: [0, 'a'], a: [8, 'b'], b: [8, 'a'] }, [[2, 1, 'recursive call: a -> b -> a']]],
    [
      { main: [0, 'a', 'b'], a: [8, 'b'], b: [8, 'main', 'a'] },
      [
        [2, 1, 'recursive call: main -> a -> b -> main'],
        [2, 2, 'recursive call: a -> b -> a'],
      ],
    ],
    [{ main: [0], a: [0, 'a'] }, [[1, 0, 'recursive call: a -> a']]],
    [{ main: [0, '&cb'], cb: [0, '&cb'] }, [[1, 0, 'recursive call: cb -> cb']]],
    // A timer's callback runs later, and may set itself again; a call is a call.
    [{ main: [0, '~cb'], cb: [0, '~cb'] }, []],
    [{ main: [0, '~cb'], cb: [0, 'cb'] }, [[1, 0, 'recursive call: cb -> cb']]],
    [{ main: [520] }, [[0, 0, 'frame of 520 bytes: the limit is 512']]],
    [{ main: [0, 'sub'], sub: [513] }, [[1, 0, 'frame of 520 bytes: the limit is 512']]],
    [chain(8), []],
    [chain(9), [[7, 0, 'a chain of 9 frames: the limit is 8']]],
    [chain(12), [[7, 0, 'a chain of 9 frames: the limit is 8']]],
    [{ ...chain(8), f7: [8, '&cb', '~later'], cb: [0], later: [0] }, [[7, 1, 'a chain of 9 frames: the limit is 8']]],
    [
      { main: [520, 'a', 'main'], a: [528] },
      [
        [0, 0, 'frame of 520 bytes: the limit is 512'],
        [0, 2, 'recursive call: main -> main'],
        [1, 0, 'frame of 528 bytes: the limit is 512'],
      ],
    ],
  ])('%j', (tree, errors) => {
    expect(programErrors(callTree(tree))).toEqual(errors.map(([subprog, pc, message]) => ({ subprog, pc, message })));
  });

  test('a declared asynchronous callback', () => {
    const tree: Tree = { main: [0, '&cb'], cb: [0, '&cb'] };
    const options: ErrorOptions = { asyncCallbacks: [1] };
    expect(programErrors(callTree(tree), options)).toEqual([]);
  });
});

test.each<[tree: Tree, options: ErrorOptions, errors: [subprog: number, pc: number, message: string][]]>([
  [{ main: [0, 'sub', 'throw!'], sub: [0, 'throw!'] }, {}, []],
  [{ main: [0, '&cb'], cb: [0, 'throw!'] }, {}, [[1, 0, 'bpf_throw cannot be called from callback subprog 1']]],
  [{ main: [0, '~cb'], cb: [0, 'throw!'] }, {}, [[1, 0, 'bpf_throw cannot be called from callback subprog 1']]],
  [
    { main: [0, 'sub', '&cb'], cb: [8, 'sub'], sub: [0, 'deep'], deep: [8, 'throw!'] },
    {},
    [[3, 1, 'bpf_throw cannot be called from callback subprog 3 (cb leads to it)']],
  ],
  [
    { main: [0, 'throw!'], catch: [0, 'throw!'], later: [0, 'throw!'] },
    { exceptionCallback: 1, asyncCallbacks: [2] },
    [
      [1, 0, 'bpf_throw cannot be called from callback subprog 1'],
      [2, 0, 'bpf_throw cannot be called from callback subprog 2'],
    ],
  ],
  [
    { main: [0, 'throw!', 'catch'], catch: [0] },
    { exceptionCallback: 1 },
    [[0, 1, 'cannot call exception cb directly']],
  ],
])('exceptions: %j %j', (tree, options, errors) => {
  const found = errors.map(([subprog, pc, message]) => ({ subprog, pc, message }));
  expect(programErrors(callTree(tree), options)).toEqual(found);
});

test('recursion does not keep the analysis from ending', () => {
  const tree: Tree = { main: [64, 'a', 'main'], a: [64, 'b', 'tail!'], b: [128, 'a', 'main'] };
  for (const layout of ['none', 'function', 'subtree'] as const)
    expect(analyse(callTree(tree), layout, { type: 'kprobe' }).depths.max).toBe(256);
});
