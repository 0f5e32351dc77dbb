import { type Insn, type Program, slots } from '../bpf';
import { isFuncReference, isSubprogCall } from './calls';

/** A call of a subprog, or a reference to one that a helper may call back. */
export interface CallEdge {
  readonly callee: number;
  /** Slot of the call or of the reference in the caller. */
  readonly pc: number;
  readonly kind: 'call' | 'callback';
}

export interface CallGraph {
  /** By caller, in program order, what control cannot reach included. */
  readonly edges: readonly (readonly CallEdge[])[];
}

/**
 * Calls and references of all subprogs; those that name no subprog are left out.
 * @param known that of the same program, perhaps without its last subprogs
 */
export const callGraphOf = ({ subprogs }: Program, known?: CallGraph): CallGraph => ({
  edges: subprogs.map(({ insns }, i) => known?.edges[i] ?? edgesOf(insns, subprogs.length)),
});

function edgesOf(insns: readonly Insn[], subprogs: number): CallEdge[] {
  const edges: CallEdge[] = [];
  let pc = 0;
  for (const insn of insns) {
    const kind = isSubprogCall(insn) ? 'call' : isFuncReference(insn) ? 'callback' : undefined;
    if (kind) {
      const callee = kind === 'call' ? insn.imm : Number(insn.imm64);
      if (callee >= 0 && callee < subprogs) edges.push({ callee, pc, kind });
    }
    pc += slots(insn);
  }
  return edges;
}

/**
 * The edges along which frames pile up: calls, and references to what a helper calls back before it returns. What runs
 * asynchronously starts on a stack of its own (check_max_stack_depth_subprog()).
 */
export const stackedEdges = (graph: CallGraph, isAsync: (subprog: number) => boolean): CallGraph => ({
  edges: graph.edges.map((edges) => edges.filter(({ kind, callee }) => kind === 'call' || !isAsync(callee))),
});

/** A call that closes a circle. */
export interface Recursion {
  readonly caller: number;
  readonly edge: CallEdge;
  /** From the callee to the caller, along calls. */
  readonly path: readonly number[];
}

/**
 * The calls that lead back to a subprog that is still running, and the graph without them, which has no circle.
 */
export function cutRecursion(graph: CallGraph): { graph: CallGraph; recursions: readonly Recursion[] } {
  const recursions: Recursion[] = [];
  const state = new Uint8Array(graph.edges.length);
  const kept: CallEdge[][] = graph.edges.map(() => []);
  const running: number[] = [];
  const enter = (subprog: number): void => {
    state[subprog] = RUNNING;
    running.push(subprog);
    for (const edge of graph.edges[subprog]!) {
      if (state[edge.callee] === RUNNING) {
        recursions.push({ caller: subprog, edge, path: running.slice(running.indexOf(edge.callee)) });
        continue;
      }
      if (state[edge.callee] === NEW) enter(edge.callee);
      kept[subprog]!.push(edge);
    }
    running.pop();
    state[subprog] = DONE;
  };
  for (let subprog = 0; subprog < state.length; subprog++) if (state[subprog] === NEW) enter(subprog);
  return { graph: { edges: kept }, recursions };
}

const NEW = 0;
const RUNNING = 1;
const DONE = 2;

/** The subprogs that run when the given ones do, those included. */
export function reachedFrom(graph: CallGraph, roots: Iterable<number>): Set<number> {
  const reached = new Set(roots);
  // A set is iterated in the order of insertion, what is added on the way included.
  for (const subprog of reached) for (const { callee } of graph.edges[subprog] ?? []) reached.add(callee);
  return reached;
}

/**
 * Subprogs in an order in which each comes after all that it calls.
 *
 * @param graph without circles, see {@link cutRecursion}.
 */
export function calleesFirst(graph: CallGraph): readonly number[] {
  const done = new Set<number>();
  const enter = (subprog: number): void => {
    for (const { callee } of graph.edges[subprog]!) if (!done.has(callee)) enter(callee);
    done.add(subprog);
  };
  for (let subprog = 0; subprog < graph.edges.length; subprog++) if (!done.has(subprog)) enter(subprog);
  return [...done];
}

/** Each subprog that a subprog calls, once. */
export const calleesOf = ({ edges }: CallGraph): readonly (readonly number[])[] =>
  edges.map((list) => {
    const callees: number[] = [];
    for (const { callee } of list) if (!callees.includes(callee)) callees.push(callee);
    return callees;
  });
