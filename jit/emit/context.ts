import type { SubprogFacts } from '../analysis/facts';
import type { Insn } from '../bpf/insn';
import type { KernelConfig } from '../kernel-config';
import type { FrameView, PrivateFrameView, StackPolicy } from '../policy';
import type { SymbolRef } from '../x86/operands';
import type { Stream } from './stream';

/** Gives names and addresses to what instructions refer to by number. */
export interface Resolver {
  /** What a helper, kfunc or subprog call goes to. */
  call(insn: Insn): SymbolRef;
  /** The value that an ld_imm64 loads, and its name if it is an address. */
  address(insn: Insn): { readonly value: bigint; readonly symbol?: SymbolRef };
}

/** All that the emitters of one subprog share. */
export interface EmitContext {
  readonly out: Stream;
  readonly insns: readonly Insn[];
  readonly facts: SubprogFacts;
  readonly config: KernelConfig;
  readonly policy: StackPolicy;
  readonly resolver: Resolver;
  /** Null without a private frame. */
  readonly view: PrivateFrameView | null;
  /** Whether another program's frame pointer lives on across the calls. */
  readonly amongFrames: boolean;
  /** Machine register of each BPF register; r10 is wherever the frame pointer lives. */
  readonly registers: readonly number[];
  /** The private frame of each subprog, null on the kernel stack. */
  readonly frames: readonly (FrameView | null)[];
  /** Bytes of kernel stack below rbp: with a private frame those that the policy reserves. */
  readonly kernelDepth: number;
  /** A register that the prologue pushes first because the frame pointer lives in it, or none. */
  readonly savedForFrame: readonly number[];
  /** Registers that the prologue pushes otherwise, in that order. */
  readonly saved: readonly number[];
  /** The boundary's facts, where this subprog is an exception callback. */
  readonly boundary: SubprogFacts | null;
  /** Slot of the first exit; -1 until it is emitted. */
  firstExit: number;
  /** Tail calls emitted so far. */
  tailCalls: number;
}

/** Emits the instruction that stands at a slot. */
export type Emitter = (context: EmitContext, insn: Insn, pc: number) => void;

export function machineRegister(context: EmitContext, bpf: number): number {
  return context.registers[bpf]!;
}

/** An instruction that cannot be compiled. */
export class JitError extends Error {
  override readonly name = 'JitError';
  constructor(
    message: string,
    readonly subprog: number,
    readonly pc: number,
  ) {
    super(message);
  }
}
