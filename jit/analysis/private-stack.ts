import { type CallGraph, calleesOf, reachedFrom } from './call-graph';
import { type BlockLayout, type PrivateBlock, type PrivateFrame, roundUp } from './facts';

/** Where each subprog's private frame is, null on the kernel stack, and the blocks that hold them. */
export interface PrivatePlan {
  readonly frames: readonly (PrivateFrame | null)[];
  readonly blocks: readonly PrivateBlock[];
}

export interface PlanInput {
  /** Along which frames pile up, without circles. */
  readonly graph: CallGraph;
  /** Own depths before the verifier's rewrites: these decide under the kernel's layout. */
  readonly ownDepths: readonly number[];
  /** Own depths after them: these are the frames. */
  readonly depths: readonly number[];
  /** Asynchronous callbacks and the exception callback. */
  readonly asyncRoots: ReadonlySet<number>;
  /** All callbacks, asynchronous or not. */
  readonly callbacks: ReadonlySet<number>;
}

/** Unit of a frame when stacks are added up (round_up_stack_depth()). */
export const STACK_UNIT = 16;
/** Unit of a frame in memory. */
const FRAME_UNIT = 8;
/** Smallest frame worth a block of its own (BPF_PRIV_STACK_MIN_SIZE). */
const MIN_FRAME = 64;
/** Smallest call tree worth a block (v3, BPF_PSTACK_MIN_SUBTREE_SIZE). */
const MIN_SUBTREE = 128;
/** At each end of a block (PRIV_STACK_GUARD_SZ). */
const GUARD = 8;

const nothing = ({ depths }: PlanInput): PrivatePlan => ({ frames: depths.map(() => null), blocks: [] });

/** The block that holds one function's frame between two guards, and the frame in it (bpf_int_jit_compile()). */
export function functionFrame(
  owner: number,
  depth: number,
  block: number,
): { readonly block: PrivateBlock; readonly frame: PrivateFrame } {
  const frame = roundUp(depth, FRAME_UNIT);
  return {
    block: { owner, size: frame + 2 * GUARD, guard: GUARD },
    frame: { block, offset: GUARD + frame, role: 'root' },
  };
}

/**
 * A block for each function that is deep enough (6.13 on). Whatever an asynchronous callback or the exception callback reaches
 * stays on the kernel stack, even when the main subprog reaches it too: it could run twice on one CPU
 * (check_max_stack_depth()).
 */
function perFunction({ graph, ownDepths, depths, asyncRoots }: PlanInput): PrivatePlan {
  const fromMain = reachedFrom(graph, [0]);
  const nested = reachedFrom(graph, asyncRoots);
  const blocks: PrivateBlock[] = [];
  const frames = depths.map((depth, subprog) => {
    if (!fromMain.has(subprog) || nested.has(subprog) || roundUp(ownDepths[subprog]!, STACK_UNIT) < MIN_FRAME)
      return null;
    const { block, frame } = functionFrame(subprog, depth, blocks.length);
    blocks.push(block);
    return frame;
  });
  return { frames, blocks };
}

/**
 * A block for each call tree (v3): the main subprog's and each callback's. A callee's frame follows its caller's; where several
 * paths lead to it its `offset` is that of the first path in program order, while r10 of an activation is always its caller's
 * r10 plus its own depth. Of several trees that share a subprog the last one in program order claims it, also where its block
 * is not there (calc_private_stack_alloc_subprog() of that version).
 */
function perSubtree({ graph, depths, callbacks }: PlanInput): PrivatePlan {
  const calls: CallGraph = { edges: graph.edges.map((edges) => edges.filter(({ kind }) => kind === 'call')) };
  const sums = subtreeDepths(calls, depths);
  const roots = depths.map((_, subprog) => subprog).filter((subprog) => subprog === 0 || callbacks.has(subprog));
  const rootOf = new Map<number, number>();
  for (const root of roots) for (const subprog of reachedFrom(calls, [root])) rootOf.set(subprog, root);

  const frames: (PrivateFrame | null)[] = depths.map(() => null);
  const blocks: PrivateBlock[] = [];
  for (const root of roots) {
    if (rootOf.get(root) !== root || sums[root]! < MIN_SUBTREE) continue;
    const block = blocks.length;
    // A program of one function is not split up, and gets what it uses.
    blocks.push({ owner: root, size: depths.length === 1 ? depths[0]! : sums[root]!, guard: 0 });
    const place = (subprog: number, callerOffset: number): void => {
      if (frames[subprog] !== null || rootOf.get(subprog) !== root) return;
      const offset = callerOffset + roundUp(depths[subprog]!, FRAME_UNIT);
      frames[subprog] = { block, offset, role: subprog === root ? 'root' : 'inner' };
      for (const { callee } of calls.edges[subprog]!) place(callee, offset);
    };
    place(root, 0);
  }
  return { frames, blocks };
}

/** The deepest sum of frames from each subprog down, in units of 16 bytes a frame. */
function subtreeDepths(calls: CallGraph, depths: readonly number[]): number[] {
  const callees = calleesOf(calls);
  const sums: number[] = depths.map(() => -1);
  const sum = (subprog: number): number => {
    if (sums[subprog]! >= 0) return sums[subprog]!;
    const below = Math.max(0, ...callees[subprog]!.map(sum));
    return (sums[subprog] = roundUp(depths[subprog]!, STACK_UNIT) + below);
  };
  return depths.map((_, subprog) => sum(subprog));
}

const PLANS: Readonly<Record<BlockLayout, (input: PlanInput) => PrivatePlan>> = {
  none: nothing,
  function: perFunction,
  subtree: perSubtree,
};

/**
 * Which subprogs get a private frame and where it is.
 *
 * @param allowed the program's type allows it, and it has no tail call.
 */
export const planPrivateStack = (layout: BlockLayout, allowed: boolean, input: PlanInput): PrivatePlan =>
  allowed ? PLANS[layout](input) : nothing(input);
