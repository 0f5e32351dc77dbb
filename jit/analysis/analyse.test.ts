import { describe, expect, test } from '@jest/globals';
import { callTree, type Tree } from './call-tree.fixture';
import { type AnalysisOptions, analyse } from './index';

const analysed = (tree: Tree, options: Partial<AnalysisOptions> = {}) =>
  analyse(callTree(tree), 'function', { type: 'xdp', ...options });

test('the call graph, in program order and by slot', () => {
  expect(analysed({ main: [8, 'b', '&a', '~b'], a: [0, 'b'], b: [0] }).callGraph.edges).toEqual([
    [
      { callee: 2, pc: 1, kind: 'call' },
      { callee: 1, pc: 2, kind: 'callback' },
      { callee: 2, pc: 5, kind: 'callback' },
    ],
    [{ callee: 2, pc: 0, kind: 'call' }],
    [],
  ]);
});

describe('exceptions', () => {
  test.each<[what: string, tree: Tree, options: Partial<AnalysisOptions>, roles: string[]]>([
    ['nothing is thrown', { main: [0, 'sub'], sub: [0] }, {}, ['', '']],
    ['thrown in main', { main: [0, 'sub', 'throw!'], sub: [0] }, {}, ['boundary', '']],
    ['thrown below', { main: [0, 'sub'], sub: [0, 'throw!'] }, {}, ['boundary', '']],
    ['an extension is a boundary of its own', { main: [0, 'throw!'] }, { type: 'ext' }, ['boundary']],
    ['a callback', { main: [0, 'throw!'], cb: [0] }, { exceptionCallback: 1 }, ['boundary', 'callback']],
  ])('%s', (_, tree, options, roles) => {
    const { subprogs } = analysed(tree, options);
    const roleOf = (facts: (typeof subprogs)[number]) =>
      `${facts.exceptionBoundary ? 'boundary' : ''}${facts.exceptionCallback ? 'callback' : ''}`;
    expect(subprogs.map(roleOf)).toEqual(roles);
  });
});

test('all but the first are subprogs, and all share the arena', () => {
  const arena = { kernVmStart: 0xffffc90009549000n, userVmStart: 0x1_0000_0000n };
  const { subprogs } = analysed({ main: [0, 'sub'], sub: [0] }, { arena });
  expect(subprogs.map((facts) => [facts.isSubprog, facts.arena])).toEqual([
    [false, arena],
    [true, arena],
  ]);
});

test.each<[options: Partial<AnalysisOptions>]>([
  [{ exceptionCallback: 1 }],
  [{ asyncCallbacks: [0, 7] }],
  [{ asyncCallbacks: [-1] }],
])('a callback that is not there: %j', (options) => {
  expect(() => analysed({ main: [0] }, options)).toThrow(RangeError);
});
