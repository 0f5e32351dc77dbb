import { describe, expect, test } from '@jest/globals';
import { callTree, REVIEW_TREE, type Tree } from './call-tree.fixture';
import { type AnalysisOptions, analyse, type BlockLayout, PROGRAM_TYPES } from './index';

const KPROBE: AnalysisOptions = { type: 'kprobe' };

/** Of each subprog its block and offset, null on the kernel stack; of each block its size. */
function planOf(tree: Tree, layout: BlockLayout, options: AnalysisOptions = KPROBE) {
  const { subprogs, blocks } = analyse(callTree(tree), layout, options);
  return {
    frames: subprogs.map(({ private: frame }) => frame && [blocks[frame.block]!.owner, frame.offset, frame.role]),
    sizes: blocks.map(({ size }) => size),
  };
}

const root = (owner: number, offset: number) => [owner, offset, 'root'];
const inner = (owner: number, offset: number) => [owner, offset, 'inner'];

describe('a block for each function', () => {
  test.each<[raw: number, rewritten: number, size: number | null, offset: number | null]>([
    [0, 0, null, null],
    [48, 0, null, null],
    [49, 0, 72, 64],
    [56, 0, 72, 64],
    [64, 0, 80, 72],
    [256, 0, 272, 264],
    [512, 0, 528, 520],
    // The counters of may_goto come after the decision.
    [64, 16, 96, 88],
    [48, 16, null, null],
  ])('%d bytes and %d for rewrites: block of %p, frame pointer at %p', (raw, rewritten, size, offset) => {
    const { subprogs, blocks } = analyse(callTree({ main: [raw] }), 'function', {
      ...KPROBE,
      rewriteDepths: [rewritten],
    });
    expect(blocks).toEqual(size === null ? [] : [{ owner: 0, size, guard: 8 }]);
    expect(subprogs[0]!.private).toEqual(offset === null ? null : { block: 0, offset, role: 'root' });
    expect(subprogs[0]!.stackDepth).toBe(Math.ceil(raw / 8) * 8 + rewritten);
  });

  test.each<[what: string, tree: Tree, frames: (unknown[] | null)[]]>([
    ['the tree of the review', REVIEW_TREE, [root(0, 128), root(1, 88), null, root(3, 168)]],
    ['neighbours do not matter', { main: [16, 'sub'], sub: [128] }, [null, root(1, 136)]],
    ['main only', { main: [496, 'sub'], sub: [48] }, [root(0, 504), null]],
    ['a callback', { main: [8, '&cb'], cb: [512, 'sub'], sub: [32] }, [null, root(1, 520), null]],
    ['an asynchronous callback', { main: [64, '~cb'], cb: [64] }, [root(0, 72), null]],
    ['below an asynchronous callback', { main: [64, '~cb'], cb: [0, 'sub'], sub: [64] }, [root(0, 72), null, null]],
    [
      'shared with an asynchronous callback',
      { main: [64, '~cb', 'sub'], cb: [256, 'sub'], sub: [96] },
      [root(0, 72), null, null],
    ],
    ['an asynchronous callback that is called, too', { main: [64, '~cb', 'cb'], cb: [64] }, [root(0, 72), null]],
    ['not called', { main: [64], sub: [64] }, [root(0, 72), null]],
    ['a tail call in main', { main: [64, 'sub', 'tail!'], sub: [64] }, [null, null]],
    ['a tail call in a subprog', { main: [64, 'sub'], sub: [64, 'tail!'] }, [null, null]],
  ])('%s', (_, tree, frames) => {
    expect(planOf(tree, 'function').frames).toEqual(frames);
  });

  test('an exception callback, and what it calls, stays on the kernel stack', () => {
    const tree: Tree = { main: [64, 'throw!', 'sub'], cb: [264, 'sub'], sub: [64] };
    expect(planOf(tree, 'function', { ...KPROBE, exceptionCallback: 1 }).frames).toEqual([root(0, 72), null, null]);
  });

  test('what is declared asynchronous is, whoever is given it', () => {
    const tree: Tree = { main: [64, '&cb'], cb: [64] };
    expect(planOf(tree, 'function', { ...KPROBE, asyncCallbacks: [1] }).frames).toEqual([root(0, 72), null]);
  });
});

describe('a block for each call tree', () => {
  test.each<[what: string, tree: Tree, frames: (unknown[] | null)[], sizes: number[]]>([
    ['the tree of the review', REVIEW_TREE, [root(0, 120), inner(0, 200), inner(0, 240), inner(0, 280)], [288]],
    ['112 and nothing', { main: [112, 'sub'], sub: [0] }, [null, null], []],
    ['113 and nothing', { main: [113, 'sub'], sub: [0] }, [root(0, 120), inner(0, 120)], [128]],
    ['one function: what it uses', { main: [120] }, [root(0, 120)], [120]],
    ['one function of 112', { main: [112] }, [null], []],
    ['8 and 32', { main: [8, 'sub'], sub: [32] }, [null, null], []],
    ['512 and 32', { main: [512, 'sub'], sub: [32] }, [root(0, 512), inner(0, 544)], [544]],
    ['a root without a frame of its own', { main: [0, 'sub'], sub: [128] }, [root(0, 0), inner(0, 128)], [128]],
    [
      'a callback is a root',
      { main: [8, '&cb'], cb: [512, 'sub'], sub: [32] },
      [null, root(1, 512), inner(1, 544)],
      [544],
    ],
    ['an asynchronous callback is a root', { main: [128, '~cb'], cb: [128] }, [root(0, 128), root(1, 128)], [128, 128]],
    [
      'a shared subprog belongs to the last root, even where main has no block',
      { main: [16, '&cb', 'sub'], sub: [64], cb: [112, 'sub'] },
      [null, inner(2, 176), root(2, 112)],
      [176],
    ],
    [
      'a shared subprog belongs to the last root, even where that has no block',
      { main: [128, '&cb', 'sub'], sub: [32], cb: [16, 'sub'] },
      [root(0, 128), null, null],
      [160],
    ],
    [
      'a callback that a later callback calls is no root',
      { main: [0, '&a', '&b'], a: [64], b: [128, 'a'] },
      [null, inner(2, 192), root(2, 128)],
      [192],
    ],
    [
      'several paths: the offset of the first',
      { main: [64, 'a', 'b'], a: [32, 'c'], b: [96, 'c'], c: [16] },
      [root(0, 64), inner(0, 96), inner(0, 160), inner(0, 112)],
      [176],
    ],
    ['a tail call', { main: [512, 'sub'], sub: [32, 'tail!'] }, [null, null], []],
  ])('%s', (_, tree, frames, sizes) => {
    expect(planOf(tree, 'subtree')).toEqual({ frames, sizes });
  });

  test('an exception callback is a root', () => {
    const plan = planOf({ main: [128, 'throw!'], cb: [136] }, 'subtree', { ...KPROBE, exceptionCallback: 1 });
    expect(plan).toEqual({ frames: [root(0, 128), root(1, 136)], sizes: [128, 144] });
  });
});

test('no block at all', () => {
  expect(planOf(REVIEW_TREE, 'none')).toEqual({ frames: [null, null, null, null], sizes: [] });
});

describe('program types', () => {
  const BOTH = ['kprobe', 'tracepoint', 'perf_event', 'raw_tracepoint', 'tracing'];
  test.each(PROGRAM_TYPES.map((type) => [type]))('%s', (type) => {
    for (const layout of ['function', 'subtree'] as const)
      expect(planOf({ main: [512] }, layout, { type }).sizes.length).toBe(BOTH.includes(type) ? 1 : 0);
  });

  test.each<[options: AnalysisOptions, layout: BlockLayout, allowed: boolean]>([
    [{ type: 'tracing', attachType: 'fentry' }, 'function', true],
    [{ type: 'tracing', attachType: 'fexit' }, 'function', true],
    [{ type: 'tracing', attachType: 'modify_return' }, 'function', true],
    [{ type: 'tracing', attachType: 'raw_tp' }, 'function', true],
    [{ type: 'tracing', attachType: 'iter' }, 'function', false],
    [{ type: 'tracing', attachType: 'iter' }, 'subtree', false],
    [{ type: 'struct_ops', privStackRequested: true }, 'function', true],
    [{ type: 'struct_ops', privStackRequested: false }, 'function', false],
    [{ type: 'struct_ops', privStackRequested: true }, 'subtree', false],
    [{ type: 'lsm', privStackRequested: true }, 'function', false],
    [{ type: 'ext', privStackRequested: true }, 'function', false],
  ])('%j, layout %s: %p', (options, layout, allowed) => {
    expect(planOf({ main: [512] }, layout, options).sizes.length).toBe(allowed ? 1 : 0);
  });
});
