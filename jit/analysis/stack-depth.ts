import { MAX_BPF_STACK } from '../bpf';
import { type CallGraph, calleesFirst, calleesOf } from './call-graph';
import { roundUp } from './facts';
import { STACK_UNIT } from './private-stack';

/** Frames above a subprog with a tail call must be below this (check_max_stack_depth_subprog()). */
const MAX_BEFORE_TAIL_CALL = 256;

export interface StackInput {
  /** Along which frames pile up, without circles. */
  readonly graph: CallGraph;
  /** Own depths, as the verifier adds them up: before its rewrites. */
  readonly ownDepths: readonly number[];
  readonly isPrivate: readonly boolean[];
  readonly hasTailCall: readonly boolean[];
  /** Subprogs with which a stack begins; main is always one. */
  readonly roots: Iterable<number>;
}

export interface Depths {
  /** By subprog, after the verifier's rewrites. */
  readonly own: readonly number[];
  /** The deepest stack, or private frame if one is deeper; null where only the kernel knows it. */
  readonly max: number | null;
}

export interface StackResult {
  /** The deepest stack, or private frame if one is deeper. */
  readonly max: number;
  /** Why the verifier would refuse the program, in its words, or null. */
  readonly refusal: string | null;
}

/**
 * Adds up the frames on the kernel stack along each chain of calls; a private frame counts by itself
 * (check_max_stack_depth(), check_max_stack_depth_subprog()).
 */
export function stackDepths({ graph, ownDepths, isPrivate, hasTailCall, roots }: StackInput): StackResult {
  const units = ownDepths.map((depth) => roundUp(depth, STACK_UNIT));
  const counted = units.map((depth, subprog) => (isPrivate[subprog] ? 0 : depth));
  // By subprog, of all that runs below it: the deepest stack, the deepest private frame, the most frames above a tail call.
  const sum: number[] = [];
  const alone: number[] = [];
  const beforeTail: number[] = [];
  const calleesBy = calleesOf(graph);
  for (const subprog of calleesFirst(graph)) {
    const own = counted[subprog]!;
    let below = 0;
    let deepest = isPrivate[subprog] ? units[subprog]! : 0;
    let tail = Number.NEGATIVE_INFINITY;
    for (const callee of calleesBy[subprog]!) {
      below = Math.max(below, sum[callee]!);
      deepest = Math.max(deepest, alone[callee]!);
      tail = Math.max(tail, beforeTail[callee]!);
    }
    sum[subprog] = own + below;
    alone[subprog] = deepest;
    beforeTail[subprog] = Math.max(hasTailCall[subprog] ? 0 : Number.NEGATIVE_INFINITY, own + tail);
  }
  // The kernel walks the roots from the last to the first.
  const order = [0];
  for (const root of roots) if (!order.includes(root)) order.push(root);
  order.sort((a, b) => b - a);

  const refused = (subprog: number, before: number): boolean =>
    before + sum[subprog]! > MAX_BPF_STACK ||
    alone[subprog]! > MAX_BPF_STACK ||
    before + beforeTail[subprog]! >= MAX_BEFORE_TAIL_CALL;
  /** The first complaint in the order of calls; goes only where there is one. */
  const complaint = (subprog: number, before: number, frames: number): string => {
    if (hasTailCall[subprog] && before >= MAX_BEFORE_TAIL_CALL)
      return `tail_calls are not allowed when call stack of previous frames is ${before} bytes. Too large`;
    if (isPrivate[subprog] && units[subprog]! > MAX_BPF_STACK)
      return `stack size of subprog ${subprog} is ${units[subprog]}. Too large`;
    const depth = before + counted[subprog]!;
    if (depth > MAX_BPF_STACK) return `combined stack size of ${frames} calls is ${depth}. Too large`;
    const next = calleesBy[subprog]!.find((callee) => refused(callee, depth))!;
    return complaint(next, depth, frames + 1);
  };
  const bad = order.find((root) => refused(root, 0));
  return {
    max: Math.max(...order.map((root) => Math.max(sum[root]!, alone[root]!))),
    refusal: bad === undefined ? null : complaint(bad, 0, 1),
  };
}

/** `stack depth 120+80+40+160 max 288`, as the verifier's log has it (print_verification_stats()). */
export const depthLog = ({ own, max }: Depths): string =>
  `stack depth ${own.join('+')}${max === null ? '' : ` max ${max}`}`;
