import type { Insn, Program } from '../../jit';
import type { Memory, Region } from './memory';

/** A subprog of a program. */
export interface FunctionRef {
  readonly program: Program;
  readonly subprog: number;
}

/** What C code sees of a run in whose middle it runs. */
export interface KernelState {
  readonly memory: Pick<Memory, 'read' | 'write'>;
  /** Calls BPF code, and returns its r0. An exception does not get past this call. */
  enter(program: Program, subprog: number, args: readonly bigint[]): bigint;
  /** The subprog that an address from ld_imm64 stands for, of any program that has run. */
  functionAt(address: bigint): FunctionRef | undefined;
  /** Memory of C's own until it returns, filled with junk. */
  scratch(bytes: number): bigint;
  /** A value that means nothing: another one for another seed. */
  junk(): bigint;
}

/** What a helper sees of the run that calls it. */
export interface HelperState extends KernelState {
  /** Which call of this function in the run, counted from 1. */
  readonly nth: number;
  /** Who calls. */
  readonly caller: FunctionRef;
  /** Calls a subprog of the calling program, by index, and returns its r0. */
  call(subprog: number, args: readonly bigint[]): bigint;
  /** The subprog of the calling program that an address from ld_imm64 stands for. */
  subprogAt(address: bigint): number | undefined;
}

/** What stands at the entry of a subprog: another program's main subprog instead of it, or C code around it. */
export type Entrance =
  | { readonly kind: 'replaced'; readonly by: Program }
  | {
      readonly kind: 'traced';
      readonly before: (state: KernelState) => void;
      /** After the subprog has returned. With it C calls the subprog, and an exception finds no boundary outside. */
      readonly after?: (state: KernelState) => void;
    };

/** Where things are whose address no program may rely on. */
export interface Addresses {
  /** Of the first frame. Every frame of a scenario has its own place, so that a pointer to a dead one points to nothing. */
  readonly frames: bigint;
  /** From frame to frame. */
  readonly stride: bigint;
  /** What ld_imm64 loads for subprogs. */
  readonly functions: bigint;
}

/**
 * A helper or kfunc, by its kernel name: result (r0), side effects through `state`. Of bpf_throw the result does not count.
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
  /** Subprog of a program that bpf_throw() enters; without one the cookie is the program's result. */
  readonly exceptionCallback?: (program: Program) => number | undefined;
  /** What stands at the entry of a subprog; asked at each call. Default: nothing. */
  readonly entrance?: (program: Program, subprog: number) => Entrance | undefined;
  /** C code that runs before an instruction, by slot; asked once, when the program is made ready. Default: none. */
  readonly before?: (program: Program, subprog: number, pc: number) => ((state: KernelState) => void) | undefined;
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
  /** Whether every bit of that junk is the other way round. */
  readonly inverted?: boolean;
  /** Default: {@link ADDRESSES}. */
  readonly addresses?: Addresses;
  /**
   * Is told, in order, every value on which depends where the run goes: operands of conditional jumps and places of
   * accesses. Where two runs with different junk are told the same, junk decides nothing.
   */
  readonly path?: (value: bigint) => void;
  /** Is told of addresses outside of everything, where an access to them is no fault. */
  readonly outside?: (address: bigint) => void;
}

/** Far from everything that a kernel has. */
export const ADDRESSES: Addresses = {
  frames: 0xffff_f4a3_0000_0000n,
  stride: 0x1000n,
  functions: 0xffff_ca11_0000_0000n,
};

export const DEFAULT_BUDGET = 50_000_000;
/** BPF_MAX_LOOPS (include/linux/bpf.h). */
export const MAX_LOOPS = 8 * 1024 * 1024;
/** MAX_TAIL_CALL_CNT (include/linux/bpf.h). */
export const MAX_TAIL_CALLS = 33;
