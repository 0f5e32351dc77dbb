import type { CallGraph, CompileInput, Rework, StackPolicy, StreamItem, SubprogFacts } from '../../jit';
import { type KernelModel, LINUX_KERNEL } from '../kernel/model';
import type { Mutation, Surroundings } from './mutation';

/** A program as the compiler is handed it. */
export interface CompiledProgram {
  readonly name: string;
  readonly subprogs: CompileInput['subprogs'];
  readonly facts: readonly SubprogFacts[];
  readonly callGraph: CallGraph;
}

/** A mutation by the points where a case is built and run. */
export interface Applied {
  readonly policy: StackPolicy;
  readonly kernel: KernelModel;
  /** What the compiler is to change of a program. */
  rework(program: CompiledProgram): Rework;
}

/** What a mutation makes of a case's policy and surroundings. */
export function applied(mutation: Mutation, policy: StackPolicy): Applied {
  const before: Surroundings = { passes: {}, kernel: LINUX_KERNEL };
  const after = { ...before, ...mutation.options?.(before) };
  const { stream, bytes } = mutation;
  const reworkStream =
    (stream: NonNullable<Mutation['stream']>, { name, subprogs, facts: all, callGraph }: CompiledProgram) =>
    (items: readonly StreamItem[], index: number) => {
      const { name: subprog, insns } = subprogs[index]!;
      // Whether a helper is given it to call.
      const callback = callGraph.edges.flat().some(({ kind, callee }) => kind === 'callback' && callee === index);
      return stream(items, { program: name, subprog, index, insns, callback, all, facts: all[index]! });
    };
  return {
    policy: mutation.policy?.(policy) ?? policy,
    kernel: after.kernel,
    rework: (program) => ({ stream: stream && reworkStream(stream, program), bytes, passes: after.passes }),
  };
}
