import { type CallKind, Gpr, type Insn, roundUp, type StackPolicy, x86 } from '../../jit';
import { encoded, rexAt } from './encodings';
import { type Excluded, type Fault, fault } from './fault';
import { after, drop, form, insn, operands, replace } from './streams';

const { r64, imm32 } = x86;
const PUSH = /^push r9$/;
const POP = /^pop r9$/;
/** The load of the private frame pointer. */
const LOAD = { text: /^mov(abs)? r9, |^add r9, qword ptr gs:/, role: 'frame-pointer' } as const;

/** A policy that wraps calls of other kinds only. */
const unwrapped =
  (...kinds: readonly CallKind[]) =>
  (policy: StackPolicy): StackPolicy => {
    const { preserve } = policy;
    const aroundCall: typeof preserve.aroundCall = (kind, view, emitCall) =>
      kinds.includes(kind) ? emitCall() : preserve.aroundCall(kind, view, emitCall);
    return { ...policy, preserve: { ...preserve, aroundCall } };
  };

const STORES = [0x62, 0x63, 0x6a, 0x6b, 0x72, 0x73, 0x7a, 0x7b];
const isStore = ({ code }: Insn): boolean => STORES.includes(code);
const isLoad = ({ code }: Insn): boolean => [0x61, 0x69, 0x71, 0x79].includes(code);
const throughFrame = (text: RegExp, bpf: (insn: Insn) => boolean) =>
  operands({ text, role: 'body', bpf }, (all) =>
    all.map((operand) => (operand.kind === 'mem' && operand.base === Gpr.r9 ? { ...operand, base: Gpr.rbp } : operand)),
  );

/** Frame pointers and what keeps them alive: F01 to F21. */
export const FRAME: readonly Fault[] = [
  fault('F01', 'No push and pop of r9 around helpers: the helper destroys the frame pointer.', {
    check: 'frame-address',
    mutation: { policy: unwrapped('helper', 'kfunc') },
    sign: { culprit: /^`call bpf_/ },
    spec: 'nested call',
  }),
  fault('F02', "No push and pop of r9 around subprogs: the caller goes on with the callee's frame pointer.", {
    check: 'frame-address',
    mutation: { policy: unwrapped('subprog') },
    sign: { subprog: /^main$/, culprit: / at sub .* left .* in r9/ },
    spec: 'nested call',
  }),
  fault('F03', 'r9 is pushed and never popped: rsp sinks with each call, and `leave` hides it at the exit.', {
    check: 'stack-balance',
    mutation: { stream: drop({ text: POP, role: 'restore' }) },
    sign: { message: /off by 1 word$/, want: /d8$/, got: /d0$/ },
    spec: 'nested call',
  }),
  fault('F04', 'r9 is popped and was never pushed: the pop takes what lies above.', {
    check: 'stack-balance',
    mutation: { stream: drop({ text: PUSH, role: 'preserve' }) },
    sign: { message: /off by 1 word$/, want: /e0$/, got: /e8$/ },
    spec: 'nested call',
  }),
  fault('F05', 'Pushed from r9 and popped to r10 (`41 5a`).', {
    check: 'frame-address',
    mutation: { stream: operands({ text: POP, role: 'restore' }, () => [r64(Gpr.r10)]) },
    sign: { culprit: /^`call bpf_.* at sub pc 1 \+0x29 / },
    spec: 'nested call',
  }),
  fault('F06', 'Push and pop of r9 without REX.B: they are those of rcx.', {
    check: 'frame-address',
    mutation: {
      bytes: encoded(
        ({ site: { role }, operands: [operand] }) =>
          (role === 'preserve' || role === 'restore') && operand?.kind === 'reg' && operand.num === Gpr.r9,
        ([, opcode]) => [opcode!],
      ),
    },
    sign: { culprit: /^`call bpf_.* at sub pc 1 \+0x28 / },
    spec: 'nested call',
  }),
  fault('F07', 'The displacement of a call is computed as if no push stood before it: it goes two bytes too far.', {
    check: 'call-target',
    mutation: {
      stream: replace({ role: 'call', of: ({ facts }) => facts.private !== null }, (item) => [
        {
          ...item,
          operands: item.operands.map((operand) =>
            operand.kind === 'rel' && 'name' in operand.target
              ? { ...operand, target: { ...operand.target, addend: 2 } }
              : operand,
          ),
        },
      ]),
    },
    sign: { message: /goes elsewhere$/, want: /0$/, got: /2$/ },
    spec: 'nested call',
  }),
  fault('F08', 'The frame pointer leaves out the guard: frames are 8 bytes too low, on top of the lower guard.', {
    check: 'frame-address',
    mutation: {
      stream: operands({ text: /^mov(abs)? r9, /, role: 'frame-pointer' }, (all) =>
        all.map((operand) =>
          operand.kind === 'imm64' && operand.symbol
            ? { ...operand, symbol: { ...operand.symbol, addend: -8 } }
            : operand,
        ),
      ),
    },
    sign: { got: /\(block\(main\) on CPU 0 \+ 248\)/ },
    spec: 'nested call',
  }),
  fault('F11', "The CPU's offset is not added: r9 is the per-CPU pointer itself.", {
    check: 'frame-address',
    mutation: { stream: drop({ text: /^add r9, qword ptr gs:/ }) },
    sign: { got: /^r10 = 0x0000607/ },
    spec: 'nested call',
  }),
  fault('F12', "The CPU's offset is added to rcx: `48` for `4c`.", {
    check: 'frame-address',
    mutation: {
      bytes: encoded(
        ({ form: { name } }) => name === 'add r64, gs',
        (bytes) => [...bytes].map((byte, at) => (at === rexAt(bytes) ? 0x48 : byte)),
      ),
    },
    sign: { got: /^r10 = 0x0000607/ },
    spec: 'nested call',
  }),
  fault('F13', 'r9 is loaded before the callee-saved registers are pushed and the base of the arena is loaded.', {
    check: 'bytes',
    mutation: {
      stream: (items) => {
        const isLoad = (item: (typeof items)[number]) => item.kind === 'insn' && item.site.role === 'frame-pointer';
        const at = items.findIndex((item) => item.site.role === 'callee-save' || item.site.role === 'arena-base');
        if (at < 0) return items;
        const [head, tail] = [items.slice(0, at), items.slice(at)];
        const prologue = tail.filter((item) => isLoad(item) && item.site.pc < 0);
        return [...head, ...prologue, ...tail.filter((item) => !prologue.includes(item))];
      },
    },
    sign: {},
    spec: '',
  }),
  fault('F14.dst', 'r10 is taken for r9 where it is read, and for rbp where it is stored through.', {
    check: 'frame-address',
    mutation: { stream: throughFrame(/\[r9[+-]/, isStore) },
    sign: { bpf: /^\*/, machine: /\[rbp-/ },
    spec: 'nested call',
  }),
  fault('F14.src', 'r10 is taken for r9 where it is stored through, and for rbp where it is loaded from.', {
    check: 'frame-address',
    mutation: { stream: throughFrame(/\[r9[+-]/, isLoad) },
    sign: { bpf: /^r0 = \*/, machine: /\[rbp-/ },
    spec: 'nested call',
  }),
  fault('F14.mov', 'r10 is taken for rbp where it is copied.', {
    check: 'frame-address',
    mutation: { stream: operands({ text: /^mov \w+, r9$/, role: 'body' }, ([to]) => [to!, r64(Gpr.rbp)]) },
    sign: { bpf: /^r\d = r10$/, machine: /, rbp$/ },
    spec: 'accesses through a copy of the frame pointer',
  }),
  fault('F14.r5', 'r10 is taken for rbp where it is copied to BPF r5.', {
    check: 'frame-address',
    mutation: { stream: operands({ text: /^mov r8, r9$/, role: 'body' }, ([to]) => [to!, r64(Gpr.rbp)]) },
    sign: { bpf: /^r5 = r10$/, machine: /, rbp$/ },
    spec: 'a copy of the frame pointer that nothing goes through',
  }),
  fault('F16', 'The kernel stack still makes room for a frame that is private.', {
    check: 'frame-pointer',
    mutation: {
      stream: after(
        { text: /^mov rbp, rsp$/, role: 'frame-setup', of: ({ facts }) => facts.private !== null },
        ({ site }, { facts }) => [
          insn({ ...site, role: 'stack-alloc' }, 'sub r64, imm32', r64(Gpr.rsp), imm32(roundUp(facts.stackDepth, 8))),
        ],
      ),
    },
    sign: { subprog: /^sub$/, want: /\(kernel_stack\(main\) - 24\)$/ },
    spec: 'T6 private and other frames in one chain',
  }),
  fault('F18', 'A callback inherits r9: it has whatever the helper left there.', {
    check: 'frame-address',
    mutation: { stream: drop({ ...LOAD, of: ({ callback }) => callback }) },
    sign: { culprit: /^nobody: r9 is .* since the entry$/ },
    spec: 'callbacks of bpf_loop, private and not',
  }),
  fault('F19', 'The callee adds its depth to r9, and the caller does not restore its own.', {
    check: 'frame-address',
    policy: 'subtree',
    mutation: { policy: unwrapped('subprog') },
    sign: { subprog: /^main$/, culprit: /^`add r9, 0x40` at leaf prologue/ },
    spec: 'C3 r9 after a leaf that adjusts it',
  }),
  fault('F20', 'A depth from 128 on is added as an imm8: its sign flips.', {
    check: 'frame-address',
    policy: 'subtree',
    mutation: { stream: form({ text: /^add r9, 0x/, role: 'frame-pointer' }, () => 'add r64, imm8') },
    sign: { culprit: /^`add r9, -0x80` at sub prologue/ },
    spec: 'nested call',
  }),
  fault('F21', 'Inner frames add their depth rounded up to 16, the root its own to 8.', {
    check: 'frame-address',
    policy: 'subtree',
    mutation: {
      policy: (policy) => ({
        ...policy,
        compute: {
          ...policy.compute,
          onPrologue: (view) => policy.compute.onPrologue({ ...view, depth: roundUp(view.depth, 16) }),
        },
      }),
    },
    sign: { subprog: /^sub$/, culprit: /^`add r9, 0x10` at sub prologue/ },
    spec: 'C12 each loads its own, subprog on the kernel stack',
  }),
];

export const FRAME_EXCLUDED: readonly Excluded[] = [
  {
    id: 'F09',
    reason:
      'a frame pointer without rounding needs a depth that is no multiple of 8: the verifier rounds every access down',
  },
  { id: 'F10', reason: 'a block without rounding needs a depth that is no multiple of 8: the verifier gives none' },
  { id: 'F15', reason: 'a field that is no register is 0 in every program that the verifier accepts, never 10' },
  { id: 'F17', reason: 'a program with a tail call has no private frame, so its counter is never below one' },
];
