import { MAX_BPF_STACK, MAX_CALL_FRAMES, type Program } from '../bpf';
import {
  type CallGraph,
  calleesOf,
  callGraphOf,
  cutRecursion,
  type Recursion,
  reachedFrom,
  stackedEdges,
} from './call-graph';
import { type SubprogScan, scanSubprog } from './scan';

/** What is wrong with a program under every policy. */
export interface ProgramError {
  /** Index of the subprog. */
  readonly subprog: number;
  /** Slot of the call, reference or access in it. */
  readonly pc: number;
  readonly message: string;
}

export interface ErrorOptions {
  /** Subprogs that run asynchronously besides those that a timer or work queue is given. */
  readonly asyncCallbacks?: readonly number[] | undefined;
  /** The subprog that catches what is thrown. */
  readonly exceptionCallback?: number | undefined;
}

/**
 * Recursion, frames over 512 bytes, chains of more than 8 frames, and exceptions where none may be thrown, in the order of
 * the subprogs.
 *
 * A reference to a callback counts as a call, unless it runs asynchronously: such a callback may set itself again.
 */
export function programErrors(program: Program, options: ErrorOptions = {}): ProgramError[] {
  const { exceptionCallback } = options;
  const scans = program.subprogs.map((_, subprog) => scanSubprog(program, subprog));
  const async = new Set([...(options.asyncCallbacks ?? []), ...scans.flatMap(({ asyncCallbacks }) => asyncCallbacks)]);
  const callGraph = callGraphOf(program);
  const { graph, recursions } = cutRecursion(stackedEdges(callGraph, (subprog) => async.has(subprog)));
  const nameOf = (subprog: number): string => program.subprogs[subprog]!.name;
  const errors = [
    ...recursions.map((recursion) => recursionError(recursion, nameOf)),
    ...frameErrors(scans),
    ...throwErrors(
      graph,
      scans,
      callbacksOf(callGraph, exceptionCallback === undefined ? async : [...async, exceptionCallback]),
      nameOf,
    ),
    ...directCalls(callGraph, exceptionCallback),
    // With recursion there is no longest chain.
    ...(recursions.length > 0 ? [] : chainErrors(graph)),
  ];
  return errors.sort((a, b) => a.subprog - b.subprog || a.pc - b.pc);
}

function recursionError({ caller, edge, path }: Recursion, nameOf: (subprog: number) => string): ProgramError {
  const circle = [...path, edge.callee].map(nameOf).join(' -> ');
  return { subprog: caller, pc: edge.pc, message: `recursive call: ${circle}` };
}

const frameErrors = (scans: readonly SubprogScan[]): ProgramError[] =>
  scans.flatMap(({ ownDepth, deepestPc }, subprog) =>
    ownDepth <= MAX_BPF_STACK
      ? []
      : [{ subprog, pc: deepestPc, message: `frame of ${ownDepth} bytes: the limit is ${MAX_BPF_STACK}` }],
  );

/** Subprogs that C code calls. */
const callbacksOf = ({ edges }: CallGraph, known: Iterable<number>): number[] => {
  const handed = edges.flat().filter(({ kind }) => kind === 'callback');
  return [...new Set([...known, ...handed.map(({ callee }) => callee)])].sort((a, b) => a - b);
};

/**
 * Calls of bpf_throw in a callback, or in what one calls: C code between it and the main subprog cannot be unwound
 * (check_max_stack_depth_subprog()).
 */
function throwErrors(
  graph: CallGraph,
  scans: readonly SubprogScan[],
  callbacks: readonly number[],
  nameOf: (subprog: number) => string,
): ProgramError[] {
  return scans.flatMap(({ throws }, subprog) => {
    const callback = callbacks.find((each) => reachedFrom(graph, [each]).has(subprog));
    if (throws.length === 0 || callback === undefined) return [];
    const through = callback === subprog ? '' : ` (${nameOf(callback)} leads to it)`;
    const message = `bpf_throw cannot be called from callback subprog ${subprog}${through}`;
    return throws.map((pc) => ({ subprog, pc, message }));
  });
}

/** Only an exception enters an exception callback. */
const directCalls = ({ edges }: CallGraph, exceptionCallback: number | undefined): ProgramError[] =>
  edges.flatMap((list, subprog) =>
    list
      .filter(({ callee }) => callee === exceptionCallback)
      .map(({ pc }) => ({ subprog, pc, message: 'cannot call exception cb directly' })),
  );

/** The calls that add the ninth frame to the longest chain that leads to them. */
function chainErrors(graph: CallGraph): ProgramError[] {
  const frames = longestChains(calleesOf(graph));
  return graph.edges.flatMap((list, subprog) =>
    frames[subprog] !== MAX_CALL_FRAMES
      ? []
      : list.map(({ pc }) => ({
          subprog,
          pc,
          message: `a chain of ${MAX_CALL_FRAMES + 1} frames: the limit is ${MAX_CALL_FRAMES}`,
        })),
  );
}

/** Frames on the longest chain that ends in each subprog, its own included. */
function longestChains(callees: readonly (readonly number[])[]): number[] {
  const callers: number[][] = callees.map(() => []);
  callees.forEach((list, caller) => {
    for (const callee of list) callers[callee]!.push(caller);
  });
  const frames: number[] = [];
  const measure = (subprog: number): number => (frames[subprog] ??= 1 + Math.max(0, ...callers[subprog]!.map(measure)));
  callees.forEach((_, subprog) => {
    measure(subprog);
  });
  return frames;
}
