/**
 * What the verifier decides about a program before the JIT sees it. The analysis computes it from a program;
 * a capture of a real kernel brings it along.
 */

/** How private memory is laid out: not at all, a block for each function (6.13), or one for each call tree (v3). */
export type BlockLayout = 'none' | 'function' | 'subtree';

/** A piece of per-CPU memory that holds private frames. */
export interface PrivateBlock {
  /** Index of the subprog that allocates it. */
  readonly owner: number;
  /** Bytes, guards included. */
  readonly size: number;
  /** Bytes of guard at each end: 8 in the kernel's layout, 0 in that of v3. */
  readonly guard: 0 | 8;
}

/** Where a subprog's private frame is. */
export interface PrivateFrame {
  /** Index into {@link Analysis.blocks}. */
  readonly block: number;
  /** Frame pointer (BPF r10) minus the start of the block. */
  readonly offset: number;
  /** `root` finds its frame by itself; `inner` takes it from its caller's. */
  readonly role: 'root' | 'inner';
}

export interface Arena {
  readonly kernVmStart: bigint;
  readonly userVmStart: bigint;
}

/** A slot of an array of programs. */
export interface TailCallSlot {
  /** Index of the map among the program's. */
  readonly map: number;
  readonly index: number;
}

/** What the JIT is told of one subprog. */
export interface SubprogFacts {
  readonly isSubprog: boolean;
  /** Own stack depth in bytes, a multiple of 8, after the verifier's rewrites. */
  readonly stackDepth: number;
  readonly private: PrivateFrame | null;
  /** A tail call can happen in this subprog or below it, or in its caller before it. */
  readonly tailCallReachable: boolean;
  readonly exceptionBoundary: boolean;
  readonly exceptionCallback: boolean;
  readonly arena: Arena | null;
  /** Its tail calls in program order. */
  readonly tailCalls: readonly ('direct' | 'indirect')[];
}

export interface ProgramFacts {
  readonly subprogs: readonly SubprogFacts[];
  readonly blocks: readonly PrivateBlock[];
}

export const roundUp = (value: number, unit: number): number => Math.ceil(value / unit) * unit;
