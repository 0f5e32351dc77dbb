import type { Analysis, Insn, Rework, StackPolicy, StreamItem, SubprogFacts } from '../../jit';
import type { KernelModel } from '../kernel/model';

/** The subprog that a stream is of. */
export interface StreamOf {
  readonly program: string;
  readonly subprog: string;
  readonly index: number;
  readonly insns: readonly Insn[];
  readonly facts: SubprogFacts;
  /** Whether a helper is given it to call. */
  readonly callback: boolean;
  /** The program's other subprogs. */
  readonly all: readonly SubprogFacts[];
}

/** What is around the code: the pass loop, and the kernel with its allocator. */
export interface Surroundings {
  readonly passes: NonNullable<Rework['passes']>;
  readonly kernel: KernelModel;
}

/**
 * A change made from outside, at one or more of five points. What a point is not given is as it was; all of them pure,
 * so that a mutant is the same code anywhere.
 */
export interface Mutation {
  /** What the verifier decided: the JIT is told, and the checks believe it, too. */
  analysis?(analysis: Analysis, program: string): Analysis;
  /** The policy record. */
  policy?(policy: StackPolicy): StackPolicy;
  /** The machine instructions of a subprog, each with its site, before they have sizes. */
  stream?(items: readonly StreamItem[], of: StreamOf): readonly StreamItem[];
  /** The bytes of one instruction, before they have a place; what the linker fills in stays at the end. */
  readonly bytes?: NonNullable<Rework['bytes']>;
  /** Options of the pass loop, the allocator and the kernel model. */
  options?(around: Surroundings): Partial<Surroundings>;
}
