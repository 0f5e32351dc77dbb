import { expect, test } from '@jest/globals';
import { callTree, type Tree } from './call-tree.fixture';
import { analyse } from './index';

test.each<[what: string, tree: Tree, reachable: string[]]>([
  ['no tail call', { main: [0, 'a'], a: [0] }, []],
  ['in main', { main: [0, 'a', 'tail!'], a: [0] }, ['main']],
  ['on the way', { main: [0, 'a'], a: [0, 'b'], b: [0, 'tail!'] }, ['main', 'a', 'b']],
  ['a leaf that comes later', { main: [0, 'a', 'b'], a: [0, 'tail!'], b: [0] }, ['main', 'a']],
  ['one that calls and comes later', { main: [0, 'a', 'b'], a: [0, 'tail!'], b: [0, 'c'], c: [0] }, ['main', 'a', 'b']],
  ['one that calls and comes before', { main: [0, 'b', 'a'], a: [0, 'tail!'], b: [0, 'c'], c: [0] }, ['main', 'a']],
  ['below a tail call', { main: [0, 'a'], a: [0, 'b', 'tail!'], b: [0, 'c'], c: [0] }, ['main', 'a', 'b']],
  ['through a callback', { main: [0, '&a'], a: [0, 'b'], b: [0, 'tail!'] }, ['main', 'a', 'b']],
  ['not through a timer', { main: [0, '~a'], a: [0, 'b'], b: [0, 'tail!'] }, ['a', 'b']],
])('the counter is passed on: %s', (_, tree, reachable) => {
  const program = callTree(tree);
  const { subprogs } = analyse(program, 'function', { type: 'xdp' });
  expect(subprogs.flatMap((facts, i) => (facts.tailCallReachable ? [program.subprogs[i]!.name] : []))).toEqual(
    reachable,
  );
});
