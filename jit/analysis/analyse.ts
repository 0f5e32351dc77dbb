import type { Program } from '../bpf';
import { type CallGraph, callGraphOf, cutRecursion, stackedEdges } from './call-graph';
import type { Arena, BlockLayout, ProgramFacts, TailCallSlot } from './facts';
import { planPrivateStack } from './private-stack';
import { type Attachment, mayHavePrivateStack } from './program-type';
import { type SubprogScan, scanSubprog } from './scan';
import { type Depths, stackDepths } from './stack-depth';
import { tailCallReachable } from './tail-calls';

export interface AnalysisOptions extends Attachment {
  /** Index of the subprog that catches what is thrown. */
  readonly exceptionCallback?: number | undefined;
  /** Subprogs that run asynchronously besides those that a timer or work queue is given. */
  readonly asyncCallbacks?: readonly number[] | undefined;
  /** Bytes that the verifier's rewrites add to each subprog's frame after it has decided which frames are private. */
  readonly rewriteDepths?: readonly number[] | undefined;
  /** An analysis of the same program, perhaps without its last subprogs: what each does and calls is taken from it. */
  readonly before?: Pick<Analysis, 'scans' | 'callGraph'> | undefined;
  readonly arena?: Arena | undefined;
  /** How many entries arrays of programs have, by name of the map; one that is not here has them all. */
  readonly arrayEntries?: ReadonlyMap<string, number> | undefined;
}

export interface Analysis extends ProgramFacts {
  readonly layout: BlockLayout;
  readonly callGraph: CallGraph;
  readonly depths: Depths;
  /** By subprog, the slots of its direct tail calls in program order: where a jump is patched in once they are filled. */
  readonly pokes: readonly (readonly TailCallSlot[])[];
  /** What each subprog does. */
  readonly scans: readonly SubprogScan[];
  /** Why the verifier would refuse the program with this layout, in its words, or null. */
  readonly refusal: string | null;
}

/**
 * What the verifier would decide about a program before the JIT sees it.
 *
 * The program is one that validateProgram() and programErrors() find nothing wrong with; of a program with recursion the calls
 * that close a circle are overlooked.
 *
 * @throws RangeError if an option names a subprog that the program does not have.
 */
export function analyse(program: Program, layout: BlockLayout, options: AnalysisOptions): Analysis {
  const { exceptionCallback, rewriteDepths, arena, arrayEntries, before } = options;
  const callGraph = callGraphOf(program, before?.callGraph);
  const scans = program.subprogs.map((_, subprog) => before?.scans[subprog] ?? scanSubprog(program, subprog));
  const ownDepths = scans.map(({ ownDepth }) => ownDepth);
  const depths = ownDepths.map((depth, subprog) => depth + (rewriteDepths?.[subprog] ?? 0));
  const hasTailCall = scans.map(({ tailCalls }) => tailCalls.length > 0);

  // An exception callback counts as asynchronous, too (mark_subprog_exc_cb()).
  const asyncRoots = new Set(options.asyncCallbacks);
  for (const scan of scans) for (const callback of scan.asyncCallbacks) asyncRoots.add(callback);
  if (exceptionCallback !== undefined) asyncRoots.add(exceptionCallback);
  for (const subprog of asyncRoots)
    if (!program.subprogs[subprog]) throw new RangeError(`there is no subprog ${subprog} to be a callback`);
  const callbacks = new Set(asyncRoots);
  for (const edges of callGraph.edges)
    for (const { kind, callee } of edges) if (kind === 'callback') callbacks.add(callee);

  const { graph } = cutRecursion(stackedEdges(callGraph, (subprog) => asyncRoots.has(subprog)));
  const allowed = mayHavePrivateStack(layout, options) && !hasTailCall.includes(true);
  const plan = planPrivateStack(layout, allowed, { graph, ownDepths, depths, asyncRoots, callbacks });
  const roots = [0, ...asyncRoots];
  const isPrivate = plan.frames.map((frame) => frame !== null);
  const { max, refusal } = stackDepths({ graph, ownDepths, isPrivate, hasTailCall, roots });
  const reachable = tailCallReachable(graph, hasTailCall, roots);
  const throws = scans.some((scan) => scan.throws.length > 0);
  // A slot that the array does not have is looked for at run time, in vain (record_func_key()).
  const exists = (slot: TailCallSlot | null): slot is TailCallSlot =>
    slot !== null && slot.index < (arrayEntries?.get(program.maps[slot.map]!) ?? Number.POSITIVE_INFINITY);

  return {
    layout,
    callGraph,
    subprogs: scans.map(({ tailCalls }, subprog) => ({
      isSubprog: subprog !== 0,
      stackDepth: depths[subprog]!,
      private: plan.frames[subprog]!,
      tailCallReachable: reachable[subprog]!,
      // Only the main subprog, wherever in the program the call is (jit_subprogs()).
      exceptionBoundary: subprog === 0 && throws,
      exceptionCallback: subprog === exceptionCallback,
      arena: arena ?? null,
      tailCalls: tailCalls.map((slot) => (exists(slot) ? 'direct' : 'indirect')),
    })),
    pokes: scans.map(({ tailCalls }) => tailCalls.filter(exists)),
    blocks: plan.blocks,
    depths: { own: depths, max },
    scans,
    refusal,
  };
}
