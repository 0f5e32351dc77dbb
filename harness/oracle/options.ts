import type { Insn, Program } from '../../jit';
import type { Memory, Region } from './memory';

/** What a helper sees of the run that calls it. */
export interface HelperState {
  readonly memory: Pick<Memory, 'read' | 'write'>;
  /** Which call of this function in the run, counted from 1. */
  readonly nth: number;
  /** Calls a subprog of the calling program, by index, and returns its r0. */
  call(subprog: number, args: readonly bigint[]): bigint;
  /** The subprog that an address from ld_imm64 stands for. */
  subprogAt(address: bigint): number | undefined;
}

/**
 * A helper or kfunc, by its kernel name: result (r0), side effects through `state`.
 * @returns undefined for a function that is not modelled, which is a fault
 */
export type Helper = (name: string, args: readonly bigint[], state: HelperState) => bigint | undefined;

/** What the numbers in a program's calls and addresses stand for. */
export interface Resolver {
  /** Name of the helper or kfunc that a call calls. */
  callee(insn: Insn): string | undefined;
  /** What ld_imm64 loads. */
  address(insn: Insn): bigint | undefined;
  /** The subprog that a loaded address is. */
  subprogAt(address: bigint): number | undefined;
}

/** The memory that an arena's programs and the user's process share. */
export interface Arena {
  /** Where the kernel has it: what PROBE_MEM32 accesses add (arena_vm_start). */
  readonly base: bigint;
  /** Where the user has it (arena_user_vm_start). */
  readonly userBase: bigint;
}

export interface InterpretOptions {
  /** Memory besides the frames; its bytes are copied. A program's maps are found here by their names. */
  readonly regions?: readonly Region[];
  /** r1 to r5 on entry; what is missing is junk. Default: r1 is the address of the region `ctx`. */
  readonly args?: readonly bigint[];
  /** Default: {@link kernelHelper}. */
  readonly helper?: Helper;
  /** Instructions after which a run ends as `budget`. Default: {@link DEFAULT_BUDGET}. */
  readonly budget?: number;
  /** Rounds after which may_goto leaves its loop, in each activation. Default: {@link MAX_LOOPS}. */
  readonly mayGoto?: number;
  /** Subprog that bpf_throw() enters; without one the cookie is the program's result. */
  readonly exceptionCallback?: number;
  /**
   * The program in a slot of a program array. r1 stays its context, the frame is replaced.
   * Default: every slot is empty, so that a tail call falls through.
   */
  readonly tailCall?: (array: bigint, index: number) => Program | undefined;
  /** This CPU's copy of a per-CPU address. Default: the address itself. */
  readonly percpu?: (address: bigint) => bigint;
  readonly arena?: Arena;
  /** Bytes that packet loads (LD ABS and IND) read. */
  readonly packet?: Uint8Array;
  /** Bytes of a frame. Default: 512; what the verifier makes of a program may need more. */
  readonly frameBytes?: number;
  /** Activations of a call chain. Default: 8, as for the verifier. */
  readonly maxFrames?: number;
  /** For programs in which numbers are resolved already, as the verifier hands them to its JIT. */
  readonly resolver?: Partial<Resolver>;
  /** Of the junk in whatever has no value. */
  readonly seed?: number;
}

export const DEFAULT_BUDGET = 50_000_000;
/** BPF_MAX_LOOPS (include/linux/bpf.h). */
export const MAX_LOOPS = 8 * 1024 * 1024;
/** MAX_TAIL_CALL_CNT (include/linux/bpf.h). */
export const MAX_TAIL_CALLS = 33;
