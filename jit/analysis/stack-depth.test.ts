import { describe, expect, test } from '@jest/globals';
import { callTree, REVIEW_TREE, type Tree } from './call-tree.fixture';
import { type AnalysisOptions, analyse, type BlockLayout, depthLog } from './index';

const chain = (...depths: number[]): Tree =>
  Object.fromEntries(
    depths.map((depth, i) => [`f${i}`, i + 1 < depths.length ? [depth, `f${i + 1}`] : [depth]] as const),
  );
const NESTED: Tree = { main: [8, '~cb', 'sub1'], cb: [0, 'sub1'], sub1: [256, 'sub2'], sub2: [0] };

describe("the line of the verifier's log", () => {
  test.each<[tree: Tree, layout: BlockLayout, type: AnalysisOptions['type'], log: string]>([
    [{ main: [512, 'sub'], sub: [32] }, 'function', 'kprobe', 'stack depth 512+32 max 512'],
    [NESTED, 'function', 'tracing', 'stack depth 8+0+256+0 max 272'],
    [chain(8, 256, 0), 'function', 'tracing', 'stack depth 8+256+0 max 256'],
    [chain(0), 'function', 'kprobe', 'stack depth 0 max 0'],
    [chain(49), 'function', 'xdp', 'stack depth 56 max 64'],
    // Of the review's tree 40 bytes stay on the kernel stack.
    [REVIEW_TREE, 'function', 'kprobe', 'stack depth 120+80+40+160 max 160'],
    [REVIEW_TREE, 'none', 'kprobe', 'stack depth 120+80+40+160 max 288'],
    [REVIEW_TREE, 'function', 'xdp', 'stack depth 120+80+40+160 max 288'],
    [REVIEW_TREE, 'subtree', 'kprobe', 'stack depth 120+80+40+160 max 160'],
    [{ main: [8, '&cb'], cb: [16, 'sub'], sub: [32] }, 'none', 'xdp', 'stack depth 8+16+32 max 64'],
    [{ main: [8, '~cb'], cb: [16, 'sub'], sub: [32] }, 'none', 'xdp', 'stack depth 8+16+32 max 48'],
    [{ main: [16, 'a', 'b'], a: [32, 'c'], b: [64, 'c'], c: [16] }, 'none', 'xdp', 'stack depth 16+32+64+16 max 96'],
  ])('%j, %s, %s: %s', (tree, layout, type, log) => {
    expect(depthLog(analyse(callTree(tree), layout, { type }).depths)).toBe(log);
  });

  test('has what the rewrites add, but not its maximum', () => {
    const { depths } = analyse(callTree({ main: [64] }), 'function', { type: 'kprobe', rewriteDepths: [16] });
    expect(depths).toEqual({ own: [80], max: 64 });
    expect(depthLog(depths)).toBe('stack depth 80 max 64');
  });
});

describe('refusals', () => {
  const combined = (calls: number, depth: number) => `combined stack size of ${calls} calls is ${depth}. Too large`;
  test.each<[tree: Tree, layout: BlockLayout, type: AnalysisOptions['type'], refusal: string | null]>([
    [chain(512), 'none', 'xdp', null],
    [chain(256, 256), 'function', 'socket_filter', null],
    [chain(256, 264), 'function', 'socket_filter', combined(2, 528)],
    [chain(512, 512), 'function', 'tracepoint', null],
    [chain(512, 512), 'function', 'xdp', combined(2, 1024)],
    [chain(512, 512), 'none', 'tracepoint', combined(2, 1024)],
    [chain(512, 512, 512, 512, 512, 512, 512, 512), 'function', 'raw_tracepoint', null],
    [chain(512, 512, 512, 512, 512, 512, 512, 512), 'subtree', 'raw_tracepoint', null],
    [chain(48, 48, 512, 48), 'function', 'kprobe', null],
    // The first chain in program order, and the frame that is too much.
    [{ main: [16, 'a', 'b'], a: [64], b: [256, 'c', 'd'], c: [240], d: [248] }, 'none', 'xdp', combined(3, 528)],
    [{ main: [16, 'a', 'b'], a: [504], b: [512] }, 'none', 'xdp', combined(2, 528)],
    [{ main: [512, '~cb'], cb: [512] }, 'none', 'xdp', null],
    [{ main: [512, '&cb'], cb: [16] }, 'none', 'xdp', combined(2, 528)],
    // The last root first.
    [{ main: [512, '~cb', 'a'], cb: [256, 'b'], a: [16], b: [272] }, 'none', 'xdp', combined(2, 528)],
    [NESTED, 'function', 'tracing', null],
    [{ main: [240, 'sub'], sub: [0, 'tail!'] }, 'none', 'xdp', null],
    [
      { main: [256, 'sub'], sub: [0, 'tail!'] },
      'function',
      'kprobe',
      'tail_calls are not allowed when call stack of previous frames is 256 bytes. Too large',
    ],
    [{ main: [512, 'tail!'] }, 'none', 'xdp', null],
  ])('%j, %s, %s: %p', (tree, layout, type, refusal) => {
    expect(analyse(callTree(tree), layout, { type }).refusal).toBe(refusal);
  });

  test('many paths through few subprogs', () => {
    const wide = (next: string): string[] => Array.from({ length: 200 }, () => next);
    const tree: Tree = {
      ...{ f0: [64, ...wide('f1')], f1: [64, ...wide('f2')], f2: [64, ...wide('f3')], f3: [64, ...wide('f4')] },
      ...{ f4: [64, ...wide('f5')], f5: [64, ...wide('f6')], f6: [64, ...wide('f7')], f7: [72] },
    };
    expect(analyse(callTree(tree), 'none', { type: 'xdp' }).refusal).toBe(combined(8, 528));
  });
});
