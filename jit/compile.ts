import type { ProgramFacts, SubprogFacts } from './analysis/facts';
import { roundUp } from './analysis/facts';
import { type Insn, slots } from './bpf/insn';
import { BPF_REG_6, BPF_REG_FP } from './bpf/opcodes';
import { type EmitContext, JitError, type Resolver } from './emit/context';
import { emitInsn } from './emit/insn';
import { BOUNDARY_SAVES, kernelDepth, savedForFrame } from './emit/kernel-frame';
import { type LayoutOptions, layOut } from './emit/layout';
import { emitPrologue } from './emit/prologue';
import { Stream, type StreamItem } from './emit/stream';
import { tailCallOffset } from './emit/tail-call';
import { BPF_CALLEE_SAVED, emitPercpuAddress } from './idioms/frames';
import type { JitFunction, JitImage } from './image';
import type { KernelConfig } from './kernel-config';
import { type FrameView, notApplicable, type PrivateFrameView, type StackPolicy } from './policy';
import { X86_64 } from './x86/abi';
import { Gpr } from './x86/registers';
import type { Sink } from './x86/sink';

export interface CompileInput {
  readonly name: string;
  readonly subprogs: readonly { readonly name: string; readonly insns: readonly Insn[] }[];
  readonly facts: ProgramFacts;
  /** Per-CPU pointer of each private block. */
  readonly blockAddresses: readonly bigint[];
  readonly policy: StackPolicy;
  readonly config: KernelConfig;
  readonly resolver: Resolver;
  /** Whether it runs between private frames of another program, whose pointer it keeps alive across its calls. */
  readonly amongFrames?: boolean;
  readonly rework?: Rework | undefined;
}

/** Code changed on its way from instructions to bytes, by whoever wants other code than the emitter's. */
export interface Rework {
  /** The machine instructions of a subprog, before they have sizes. */
  stream?(items: readonly StreamItem[], subprog: number): readonly StreamItem[];
  /** The bytes of one instruction, before they have a place. */
  readonly bytes?: LayoutOptions['bytes'];
  readonly passes?: Partial<LayoutOptions>;
}

/** Slots of each opcode. */
const SLOTS = Uint8Array.from({ length: 256 }, (_, code) => slots({ code }));

/** BPF r6..r9 that any field of an instruction names (detect_reg_usage()). */
function usedCalleeSaved(insns: readonly Insn[]): number[] {
  let used = 0;
  for (const { dst, src } of insns) used |= (1 << dst) | (1 << src);
  return BPF_CALLEE_SAVED.filter((_, i) => used & (1 << (BPF_REG_6 + i)));
}

/** Registers that a prologue pushes, whatever the policy. */
function savedRegisters(facts: SubprogFacts, insns: readonly Insn[]): readonly number[] {
  if (facts.exceptionBoundary) return BOUNDARY_SAVES;
  const used = usedCalleeSaved(insns);
  return facts.arena ? [X86_64.arenaBase, ...used] : used;
}

const frameView = ({ private: frame, stackDepth }: SubprogFacts): FrameView | null =>
  frame === null ? null : { frame, depth: roundUp(stackDepth, 8) };

function privateView(input: CompileInput, index: number, out: Sink): PrivateFrameView | null {
  const facts = input.facts.subprogs[index]!;
  const { private: frame } = facts;
  if (frame === null) return null;
  const { config, blockAddresses } = input;
  const { register } = input.policy.preserve;
  const address = blockAddresses[frame.block]! + BigInt(frame.offset);
  const symbol = { kind: 'private-frame', name: `fp(${input.subprogs[index]!.name})`, address, index } as const;
  const thisCpuOff = {
    smp: config.smp,
    disp: Number(BigInt.asIntN(32, config.symbols.thisCpuOff)),
    symbol: { kind: 'percpu', name: 'this_cpu_off', address: config.symbols.thisCpuOff } as const,
  };
  return {
    ...frameView(facts)!,
    out,
    facts,
    register,
    loadAbsolute() {
      emitPercpuAddress(out, register, { value: address, symbol }, thisCpuOff);
    },
  };
}

function compileSubprog(input: CompileInput, frames: EmitContext['frames'], index: number): JitFunction {
  const { name, insns } = input.subprogs[index]!;
  const { policy, config, resolver } = input;
  const facts = input.facts.subprogs[index]!;
  const out = new Stream(index);
  const view = privateView(input, index, out);
  const registers = view === null ? X86_64.bpf : X86_64.bpf.with(BPF_REG_FP, view.register);
  const saved = savedRegisters(facts, insns);
  const frameSaved = savedForFrame(facts, policy, saved);
  const boundary = facts.exceptionCallback ? (input.facts.subprogs[0] ?? null) : null;
  const context: EmitContext = {
    out,
    insns,
    facts,
    config,
    policy,
    resolver,
    view,
    amongFrames: input.amongFrames ?? false,
    registers,
    frames,
    kernelDepth: kernelDepth(facts, policy),
    savedForFrame: frameSaved,
    saved,
    boundary,
    firstExit: -1,
    tailCalls: 0,
  };
  emitPrologue(context);
  let pc = 0;
  for (const insn of insns) {
    emitInsn(context, insn, pc);
    pc += SLOTS[insn.code]!;
  }
  const items = input.rework?.stream?.(out.items, index) ?? out.items;
  const layout = placed(() => layOut(items, pc, layoutOptions(input)), index);
  const frame = {
    register: view?.register ?? Gpr.rbp,
    isPrivate: view !== null,
    kernelDepth: context.kernelDepth,
    saved: [...frameSaved, ...saved],
  };
  const { bytes, relocations, exceptionTable, addrs, passes, listing } = layout;
  const landing = tailCallOffset(config.ibt);
  return {
    bytes,
    relocations,
    exceptionTable,
    addrs,
    passes,
    listing,
    name,
    index,
    frame,
    bodyOffset: addrs[0]!,
    landing,
  };
}

function layoutOptions({ subprogs, rework }: CompileInput): LayoutOptions {
  const { bytes, passes } = rework ?? {};
  return { extraPass: subprogs.length > 1, ...(bytes && { bytes }), ...passes };
}

/** Errors of layout are the subprog's. */
function placed<T>(work: () => T, subprog: number): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof RangeError) throw new JitError(error.message, subprog, 0);
    throw error;
  }
}

/**
 * Compiles a program: the same input gives the same bytes anywhere.
 * @throws JitError for an instruction that cannot be compiled, jumps that do not settle, a policy that is not applicable
 */
export function compile(input: CompileInput): JitImage {
  const reason = notApplicable(input.policy, input.facts);
  if (reason !== null) throw new JitError(`not applicable: ${reason}`, 0, 0);
  const frames = input.facts.subprogs.map(frameView);
  return { program: input.name, functions: input.subprogs.map((_, index) => compileSubprog(input, frames, index)) };
}
