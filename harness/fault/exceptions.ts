import { Gpr, type StackPolicy, X86_64, x86 } from '../../jit';
import { type Fault, fault } from './fault';
import type { StreamOf } from './mutation';
import { after, all, drop, insn, operands, reorder, replace } from './streams';

const { r64 } = x86;

const isBoundary = ({ facts }: StreamOf): boolean => facts.exceptionBoundary;

/** What an exception callback does before it restores the registers of the boundary. */
const callback = (choice: StackPolicy['callback']['onExceptionCallback']) => (policy: StackPolicy) => ({
  ...policy,
  callback: { ...policy.callback, onExceptionCallback: choice },
});

/** Of BPF r6 to r9, the machine registers that a subprog names. */
const used = ({ insns }: StreamOf): Set<number> =>
  new Set(insns.flatMap(({ dst, src }) => [dst, src]).map((bpf) => X86_64.bpf[bpf]!));

const isUnused = (of: StreamOf, operand: x86.Operand | undefined): boolean =>
  operand?.kind === 'reg' && !used(of).has(operand.num);

/** Exceptions, and extensions that throw: F22 to F31. */
export const EXCEPTIONS: readonly Fault[] = [
  fault(
    'F22',
    'The boundary pushes r9 around its calls and the callback does not pop it: every register comes one late.',
    {
      check: 'exception',
      policy: 'linux-6.18-pop',
      mutation: { policy: callback(() => undefined) },
      sign: { message: /: r15 <- saved r9, r14 <- r15, r13 <- r14, rbx <- r13, r12 <- rbx$/ },
      spec: 'throw from each depth, callback of the program',
    },
  ),
  fault('F23', 'The callback pops a word that the boundary never pushed: every register comes one early.', {
    check: 'exception',
    policy: 'kernel-stack',
    mutation: { policy: callback(({ out, register }) => out.put('pop r64', r64(register))) },
    sign: { message: /: r15 <- r14, r14 <- r13, r13 <- rbx, rbx <- r12, r12 <- a word of the frame$/ },
    spec: 'throw from each depth, boundary on the kernel stack',
  }),
  fault('F24', 'The callback pops r13 and r14 in the wrong order.', {
    check: 'exception',
    policy: 'kernel-stack',
    mutation: {
      stream: reorder({ text: /^pop r1[34]$/, role: 'exception-entry' }, (pops) => [...pops].reverse()),
    },
    sign: { message: /: r13 <- r14, r14 <- r13$/ },
    spec: 'throw from each depth, boundary on the kernel stack',
  }),
  fault('F25', 'The boundary saves only the registers that it uses: those that who throws destroyed are lost.', {
    check: 'exception',
    policy: 'kernel-stack',
    commit: '11d45eee9f42',
    mutation: {
      stream: all(
        replace({ text: /^push r(1[345]|bx)$/, role: 'callee-save', of: isBoundary }, (item, of) =>
          isUnused(of, item.operands[0]) ? [] : [item],
        ),
        replace({ text: /^pop r(1[345]|bx)$/, role: 'epilogue', of: isBoundary }, (item, of) =>
          isUnused(of, item.operands[0]) ? [] : [item],
        ),
      ),
    },
    sign: { message: /: r15 <- r12, r14 <- a word of the frame, r13 <- a word of the frame, rbx <- rbp, r12 <- junk$/ },
    spec: 'throw from each depth, boundary on the kernel stack',
  }),
  fault('F26', 'Neither boundary nor callback care for r12, which no BPF register is in: who throws destroyed it.', {
    check: 'exception',
    policy: 'kernel-stack',
    mutation: {
      stream: all(
        drop({ text: /^push r12$/, role: 'callee-save', of: isBoundary }),
        drop({ text: /^pop r12$/, role: 'epilogue', of: isBoundary }),
        drop({ text: /^pop r12$/, role: 'exception-entry' }),
      ),
    },
    sign: { message: /: r12 <- junk$/, culprit: /^`call bpf_throw` at main/ },
    spec: 'throw from each depth, boundary on the kernel stack',
  }),
  fault(
    'F27',
    'The callback leaves rsp where the last pop left it, instead of at rbp: its frame begins further down.',
    {
      check: 'bytes',
      mutation: { stream: drop({ text: /^mov rsp, rbp$/, role: 'exception-entry' }) },
      sign: {},
      spec: '',
    },
  ),
  fault('F28', "The callback takes the boundary's rbp for its rsp, and the other way round.", {
    check: 'unwind',
    policy: 'kernel-stack',
    mutation: {
      stream: all(
        operands({ text: /^mov rsp, rsi$/, role: 'exception-entry' }, () => [r64(Gpr.rsp), r64(Gpr.rdx)]),
        operands({ text: /^mov rbp, rdx$/, role: 'exception-entry' }, () => [r64(Gpr.rbp), r64(Gpr.rsi)]),
      ),
    },
    sign: { culprit: /^`mov rbp, rsi` at catch prologue/ },
    spec: 'throw from each depth, boundary on the kernel stack',
  }),
  fault(
    'F29',
    'The callback sets up a frame of its own below the one that it takes over, and returns into the latter.',
    {
      check: 'unwind',
      policy: 'kernel-stack',
      mutation: {
        stream: after({ text: /^mov rsp, rbp$/, role: 'exception-entry' }, ({ site }) => [
          insn(site, 'push r64', r64(Gpr.rbp)),
          insn(site, 'mov r64, r64', r64(Gpr.rbp), r64(Gpr.rsp)),
        ]),
      },
      sign: { culprit: /^`mov rbp, rsp` at catch prologue/ },
      spec: 'throw from each depth, boundary on the kernel stack',
    },
  ),
  fault('F30', 'The unwinder takes the first frame of any subprog for the boundary.', {
    check: 'exception',
    policy: 'kernel-stack',
    mutation: { options: ({ kernel }) => ({ kernel: { ...kernel, isBoundary: () => true } }) },
    sign: { message: /is handed another rsp than that of main$/ },
    spec: 'throw from each depth, boundary on the kernel stack',
  }),
  fault(
    'F31',
    'The unwinder does not stop at an extension program: its exception is caught by the program around it.',
    {
      check: 'exception',
      policy: 'kernel-stack',
      mutation: {
        options: ({ kernel }) => ({
          kernel: { ...kernel, isBoundary: ({ subprog, type }) => subprog === 0 && type !== 'ext' },
        }),
      },
      sign: { message: /^the unwinder finds no boundary/, want: /^the frame of ext_main$/ },
      spec: 'X5 an extension that throws',
    },
  ),
];
