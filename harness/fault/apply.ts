import type { CompileInput, Rework, StackPolicy, SubprogFacts } from '../../jit';
import { type KernelModel, LINUX_KERNEL } from '../kernel/model';
import type { Mutation, Surroundings } from './mutation';

/** A program as the compiler is handed it. */
export interface CompiledProgram {
  readonly name: string;
  readonly subprogs: CompileInput['subprogs'];
  readonly facts: readonly SubprogFacts[];
  /** Subprogs that a helper is given to call. */
  readonly callbacks: ReadonlySet<number>;
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
  return {
    policy: mutation.policy?.(policy) ?? policy,
    kernel: after.kernel,
    rework: ({ name, subprogs, facts: all, callbacks }) => ({
      ...(stream && {
        stream: (items, index) => {
          const { name: subprog, insns } = subprogs[index]!;
          const callback = callbacks.has(index);
          return stream(items, { program: name, subprog, index, insns, callback, all, facts: all[index]! });
        },
      }),
      ...(bytes && { bytes }),
      passes: after.passes,
    }),
  };
}
