import type { PrivateFrame, ProgramFacts, SubprogFacts } from './analysis/facts';
import { roundUp } from './analysis/facts';
import { calleeSavedRegisters } from './analysis/registers';
import { type Insn, slots } from './bpf/insn';
import { BPF_REG_6, BPF_REG_FP } from './bpf/opcodes';
import { type EmitContext, JitError, type Resolver } from './emit/context';
import { emitInsn } from './emit/insn';
import { BOUNDARY_SAVES, kernelDepth, savedForFrame } from './emit/kernel-frame';
import { type LayoutOptions, layOut } from './emit/layout';
import type { PassOptions } from './emit/passes';
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
  readonly stream?: ((items: readonly StreamItem[], subprog: number) => readonly StreamItem[]) | undefined;
  /** The bytes of one instruction, before they have a place. */
  readonly bytes?: LayoutOptions['bytes'];
  readonly passes?: Partial<PassOptions> | undefined;
}

/** Slots of each opcode. */
const SLOTS = Uint8Array.from({ length: 256 }, (_, code) => slots({ code }));

/** Registers that a prologue pushes, whatever the policy. */
function savedRegisters(facts: SubprogFacts, insns: readonly Insn[]): readonly number[] {
  if (facts.exceptionBoundary) return BOUNDARY_SAVES;
  const used = calleeSavedRegisters(insns).map((register) => BPF_CALLEE_SAVED[register - BPF_REG_6]!);
  return facts.arena ? [X86_64.arenaBase, ...used] : used;
}

const frameView = ({ private: frame, stackDepth }: SubprogFacts): FrameView | null =>
  frame === null ? null : { frame, depth: roundUp(stackDepth, 8) };

class PrivateView implements PrivateFrameView {
  readonly frame: PrivateFrame;
  readonly depth: number;
  readonly register: number;

  constructor(
    private readonly input: CompileInput,
    private readonly index: number,
    readonly facts: SubprogFacts,
    readonly out: Sink,
    { frame, depth }: FrameView,
  ) {
    this.frame = frame;
    this.depth = depth;
    this.register = input.policy.preserve.register;
  }

  /** Its own, not its class's: who changes a view copies it. */
  readonly loadAbsolute = (): void => {
    const { input, index, frame } = this;
    const { smp, symbols } = input.config;
    const value = input.blockAddresses[frame.block]! + BigInt(frame.offset);
    const name = `fp(${input.subprogs[index]!.name})`;
    const address = symbols.thisCpuOff;
    emitPercpuAddress(
      this.out,
      this.register,
      { value, symbol: { kind: 'private-frame', name, address: value, index } },
      {
        smp,
        disp: Number(BigInt.asIntN(32, address)),
        symbol: { kind: 'percpu', name: 'this_cpu_off', address },
      },
    );
  };
}

function compileSubprog(
  input: CompileInput,
  frames: EmitContext['frames'],
  options: LayoutOptions,
  index: number,
): JitFunction {
  const { name, insns } = input.subprogs[index]!;
  const { policy, config, resolver } = input;
  const facts = input.facts.subprogs[index]!;
  const out = new Stream(index);
  const own = frames[index]!;
  const view = own === null ? null : new PrivateView(input, index, facts, out, own);
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
  const layout = placed(() => layOut(items, pc, options), index);
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

const layoutOptions = ({ subprogs, rework }: CompileInput): LayoutOptions => ({
  extraPass: rework?.passes?.extraPass ?? subprogs.length > 1,
  maxPasses: rework?.passes?.maxPasses,
  shortUpTo: rework?.passes?.shortUpTo,
  bytes: rework?.bytes,
});

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
  const options = layoutOptions(input);
  const functions = input.subprogs.map((_, index) => compileSubprog(input, frames, options, index));
  return { program: input.name, functions };
}
