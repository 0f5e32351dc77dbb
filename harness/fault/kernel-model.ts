import { BPF_CALL, BPF_JMP, BPF_PSEUDO_CALL, BPF_REG_6, BPF_REG_9, Gpr, x86 } from '../../jit';
import { percpuOffset } from '../machine/layout';
import { type Fault, fault } from './fault';
import type { StreamOf } from './mutation';
import { all, before, drop, form, insn, operands, replace } from './streams';

const { r64 } = x86;

const CALL = BPF_JMP | BPF_CALL;
const isLeaf = ({ insns }: StreamOf): boolean => insns.every(({ code }) => code !== CALL);
/** Whether no field names one of BPF r6 to r9. */
const savesNothing = ({ insns, facts }: StreamOf): boolean =>
  !facts.exceptionBoundary &&
  insns.every(({ dst, src }) => [dst, src].every((bpf) => bpf < BPF_REG_6 || bpf > BPF_REG_9));
const isPrivateLeaf = (of: StreamOf): boolean => of.facts.private !== null && savesNothing(of) && isLeaf(of);
const isMainLeaf = (of: StreamOf): boolean => of.index === 0 && !of.facts.exceptionBoundary && isLeaf(of);

/** What the kernel around programs gets wrong, and what the verifier decides wrongly. */
export const KERNEL_MODEL: readonly Fault[] = [
  fault('K1', 'Every block has 16 bytes below its frame, not 8: the plan says so, and everybody believes it.', {
    check: 'frame-pointer',
    mutation: {
      analysis: (analysis) => ({
        ...analysis,
        blocks: analysis.blocks.map((block) => ({ ...block, size: block.size + 8 })),
        subprogs: analysis.subprogs.map((each) => ({
          ...each,
          private: each.private && { ...each.private, offset: each.private.offset + 8 },
        })),
      }),
    },
    sign: { want: /\(block\(main\) \+ 8 \+ 256\)$/ },
    spec: 'single program',
  }),
  fault('K2', 'Nothing keeps a program from running inside itself: two activations share one private frame.', {
    check: 'recursion',
    mutation: { options: ({ kernel }) => ({ kernel: { ...kernel, guardScope: () => 'none' } }) },
    sign: { message: /^main runs again on CPU 0 inside itself, entered by an interrupt/ },
    spec: 're-entry, a kprobe program is interrupted',
  }),
  fault('K2.tracing', 'Trampolines do not count the programs that they run: one runs inside itself.', {
    check: 'recursion',
    mutation: {
      options: ({ kernel }) => ({
        kernel: { ...kernel, guardScope: (type) => (type === 'tracing' ? 'none' : kernel.guardScope(type)) },
      }),
    },
    sign: { message: /^main runs again on CPU 0 inside itself/ },
    spec: 're-entry that would leave no trace',
  }),
  fault('K3', "Blocks of per-CPU memory overlap: an upper guard is the next block's lower one.", {
    check: 'guards',
    mutation: {
      options: ({ kernel }) => ({ kernel: { ...kernel, percpuBytes: (bytes) => kernel.percpuBytes(bytes) - 16 } }),
    },
    sign: { message: /^a guard of the block of sub on CPU 0 is overwritten$/ },
    spec: 'two CPUs, each its own copy',
  }),
  fault('K4', 'A program that calls nothing does not save r15, which it uses.', {
    check: 'callee-saved',
    mutation: {
      stream: all(
        drop({ text: /^push r15$/, role: 'callee-save', of: isMainLeaf }),
        drop({ text: /^pop r15$/, role: 'epilogue', of: isMainLeaf }),
      ),
    },
    sign: { message: /^r15 is not what the caller had$/ },
    spec: 'moves of every register, and immediates of every kind',
  }),
  fault('K5', "The offset that is added is the next CPU's: frames lie in its copy of the block.", {
    check: 'cpu-isolation',
    mutation: {
      stream: operands({ text: /^mov(abs)? r9, /, role: 'frame-pointer' }, (each) =>
        each.map((operand) =>
          operand.kind === 'imm64' && operand.symbol
            ? { ...operand, symbol: { ...operand.symbol, addend: Number(percpuOffset(1) - percpuOffset(0)) } }
            : operand,
        ),
      ),
    },
    sign: { message: /on CPU 0 touches CPU 1$/ },
    spec: 'nested call',
  }),
  fault('K6', 'A leaf keeps its frame below rsp, in a red zone that the kernel does not have.', {
    check: 'frame-bounds',
    policy: 'kernel-stack',
    mutation: { stream: drop({ text: /^sub rsp, /, role: 'stack-alloc', of: (of) => isLeaf(of) && savesNothing(of) }) },
    sign: { message: /goes below the stack pointer, where interrupts write$/ },
    spec: 'single program',
  }),
  fault('K7', 'A division into rax saves rax, too, and never pops it; `leave` hides that at the exit.', {
    check: 'stack-balance',
    mutation: {
      stream: before({ text: /^push rdx$/, bpf: ({ dst }) => dst === 0, of: savesNothing }, ({ site }) => [
        insn(site, 'push r64', r64(Gpr.rax)),
      ]),
    },
    sign: { message: /off by 1 word$/ },
    spec: 'a division in a function that saves nothing',
  }),
  fault('K8', "Calls of subprogs go past the callee's first instruction, where trampolines are put: those never run.", {
    check: 'call-target',
    mutation: {
      stream: operands({ role: 'call', bpf: ({ src }) => src === BPF_PSEUDO_CALL }, (each) =>
        each.map((operand) =>
          operand.kind === 'rel' && 'name' in operand.target
            ? { ...operand, target: { ...operand.target, addend: 5 } }
            : operand,
        ),
      ),
    },
    sign: { message: /goes elsewhere$/, got: /5$/ },
    spec: 'nested call',
  }),
  fault('K9', 'A leaf with a private frame does without rbp: whoever unwinds the stack does not see its caller.', {
    check: 'unwind',
    mutation: {
      stream: all(
        form({ text: /^mov rbp, rsp$/, role: 'frame-setup', of: isPrivateLeaf }, () => 'nop3'),
        replace({ text: /^leave$/, of: isPrivateLeaf }, ({ site }) => [insn(site, 'pop r64', r64(Gpr.rbp))]),
      ),
    },
    sign: { message: /^rbp is not the frame of/ },
    spec: 'single program',
  }),
];
