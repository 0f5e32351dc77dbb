import { type CallGraph, calleesFirst } from './call-graph';

/**
 * The subprogs that have to pass the tail-call counter on: those with a tail call, those on the way to one, and those that make a
 * call of their own after one has been met, whether or not it leads to a tail call (check_max_stack_depth_subprog(), whose
 * mark sticks until the walk from a root is over).
 *
 * @param graph along which frames pile up, without circles.
 * @param roots subprogs with which a stack begins.
 */
export function tailCallReachable(
  graph: CallGraph,
  hasTailCall: readonly boolean[],
  roots: Iterable<number>,
): readonly boolean[] {
  if (!hasTailCall.includes(true)) return hasTailCall;
  const marked = [...hasTailCall];
  const leadsToOne: boolean[] = [];
  for (const subprog of calleesFirst(graph))
    leadsToOne[subprog] = hasTailCall[subprog]! || graph.edges[subprog]!.some(({ callee }) => leadsToOne[callee]!);

  const afterwards = new Set<number>();
  const markAll = (subprog: number): void => {
    if (afterwards.has(subprog)) return;
    afterwards.add(subprog);
    for (const { callee } of graph.edges[subprog]!) {
      marked[subprog] = true;
      markAll(callee);
    }
  };
  const walk = (subprog: number): void => {
    let met = false;
    for (const { callee } of graph.edges[subprog]!) {
      if (met || hasTailCall[callee]) markAll(callee);
      else if (leadsToOne[callee]) walk(callee);
      else continue;
      met = true;
      marked[subprog] = true;
    }
  };
  for (const root of roots) walk(root);
  return marked;
}
