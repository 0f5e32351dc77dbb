import { BPF_EXIT, BPF_JMP, Gpr, type Insn, type Role, roundUp, x86 } from '../../jit';
import { type Excluded, type Fault, fault } from './fault';
import type { StreamOf } from './mutation';
import { after, all, drop, form, insn, jumps, operands, replace } from './streams';

const { r32, r64, imm8, imm32, mem0, rel32 } = x86;
const { rax, rdx, r10 } = Gpr;

const isMain = ({ index }: StreamOf): boolean => index === 0;
const isSub = (of: StreamOf): boolean => !isMain(of) && of.facts.tailCallReachable;
const body = (text: RegExp) => ({ text, role: 'body' as Role });
const LOAD_POINTER = /^mov rax, qword ptr \[rbp-/;
const isJump =
  (op: number, width: 5 | 6) =>
  ({ code }: Insn): boolean =>
    (code & 0xf0) === op && (code & 7) === width;
const isLoad = ({ code }: Insn): boolean => (code & 7) === 1;
const EXIT = BPF_JMP | BPF_EXIT;
/** Whether a counter is loaded into the verifier's scratch register: only may_goto does that. */
const counts = ({ insns }: StreamOf): boolean => insns.some(({ code, dst }) => code === 0x79 && dst === 11);

/** Bugs that JITs had, those of x86-64 and those of others that x86-64 could have as well. */
export const MUSEUM: readonly Fault[] = [
  fault('B2', 'A subprog looks for the tail-call counter below the depth as it was before it was rounded up.', {
    check: 'fault',
    policy: 'kernel-stack',
    commit: 'ff672c67ee76',
    mutation: {
      stream: operands({ text: LOAD_POINTER, of: isSub }, (each) =>
        each.map((operand) => (operand.kind === 'mem' ? { ...operand, disp: operand.disp + 7 } : operand)),
      ),
    },
    sign: { machine: /^cmp qword ptr \[rax\], 0x21$/, message: /^a read of 0xff\w+8ff,/ },
    spec: '33 tail calls through a subprog',
  }),
  fault('B3', 'The trampoline of a subprog destroys rax, and with it the pointer to the tail-call counter.', {
    check: 'fault',
    commit: '2b5dcb31a19a',
    mutation: { options: ({ kernel }) => ({ kernel: { ...kernel, keepsTailCallPointer: () => false } }) },
    sign: { machine: /^cmp qword ptr \[rax\], 0x21$/, message: /^a read of / },
    spec: 'a trampoline at a subprog that makes tail calls',
  }),
  fault('B4', 'Every frame has its own copy of the tail-call counter: subprogs do not see what others counted.', {
    check: 'tail-call',
    commit: '116e04ba1459',
    mutation: {
      stream: all(
        after({ text: LOAD_POINTER, bpf: ({ code, src }) => code === 0x85 && src === 1 }, ({ site }) => [
          insn(site, 'mov r64, m64', r64(rax), mem0(rax)),
        ]),
        (items, of) => {
          if (!isSub(of)) return items;
          const own = items.filter(({ site: { role } }) => role === 'tail-call-counter');
          return items.flatMap((item) =>
            item === own[0] ? [item, insn(item.site, 'mov r64, r64', r64(rax), r64(Gpr.rsp))] : [item],
          );
        },
      ),
    },
    sign: { message: /^the tail call happens, though there were 33/ },
    spec: 'two subprogs share the 33 tail calls',
  }),
  fault('B5', 'The limit of tail calls is compared off by one: the last of 33 does not happen.', {
    check: 'tail-call',
    commit: '745abfaa9eaf',
    mutation: { stream: operands(body(/^cmp qword ptr \[rax\], 0x21$/), ([counter]) => [counter!, imm8(32)]) },
    sign: { message: /^the tail call does not happen, though slot 0 is full$/ },
    spec: '33 direct tail calls, and no more',
  }),
  fault('B6', 'A tail call through an empty slot is counted, although it does not happen.', {
    check: 'tail-call',
    commit: '521bd39d9d28',
    mutation: {
      stream: (items) => {
        const isCount = (item: (typeof items)[number]) =>
          item.kind === 'insn' && item.form.name === 'add m64, imm8' && item.site.role === 'body';
        const isTest = (item: (typeof items)[number]) =>
          item.kind === 'insn' && item.form.name === 'test r64, r64' && x86.r64(Gpr.rcx) === item.operands[0];
        const tests = new Set(items.filter(isTest).map(({ site }) => site.pc));
        return items.flatMap((item) => {
          if (!tests.has(item.site.pc)) return [item];
          if (isCount(item)) return [];
          return isTest(item) ? [insn(item.site, 'add m64, imm8', mem0(rax), imm8(1)), item] : [item];
        });
      },
    },
    sign: { message: /^the tail call does not happen, though slot 0 is full$/ },
    spec: 'tail calls that fall through are not counted',
  }),
  fault('B10', 'A jump to the first instruction goes to the start of the function: the prologue runs again.', {
    check: 'fault',
    commit: '7c2e988f400e',
    mutation: {
      stream: jumps(
        ({ target }) => target === 0,
        ({ condition, site }, { index, subprog }) => [
          insn(site, `${condition} rel32` as x86.FormName, rel32({ kind: 'subprog', name: subprog, index })),
        ],
      ),
    },
    sign: { machine: /^jmp its_return_thunk$/, message: /^an instruction fetch from 0xffffc9/ },
    spec: 'a jump back to the first instruction',
  }),
  fault('B16', 'A probing load does not look at the address first: it touches user memory.', {
    check: 'bytes',
    commit: 'b599d7d26d6a',
    mutation: { stream: form({ text: /^ja /, role: 'body', bpf: isLoad }, () => 'jmp rel8') },
    sign: {},
    spec: '',
  }),
  fault('B17', "The exception table has the address of the check in front of a probing load, not the load's.", {
    check: 'fault',
    mutation: {
      stream: (items) =>
        items.map((item, i) => {
          const next = items.slice(i + 1).find(({ kind }) => kind === 'insn');
          if (item.kind !== 'insn') return item;
          return { ...item, onFault: next?.kind === 'insn' && next.site.pc === item.site.pc ? next.onFault : null };
        }),
    },
    sign: { bpf: / probe_mem$/ },
    spec: 'a probing load leaves 0 where nothing is mapped',
  }),
  fault('B19', 'A load of 32 bits extends the sign instead of clearing the upper half.', {
    check: 'interpreter',
    commit: '5fa9a98fb103',
    mutation: { stream: form({ text: /^mov e\w+, dword ptr /, role: 'body' }, () => 'movsxd r64, m32') },
    sign: { bpf: /^\*\(u64 \*\)\(r9 \+ 8\) = r2$/, message: /at byte 12$/ },
    spec: 'loads clear what they do not fill, or extend the sign',
  }),
  fault('B20', 'JSET ands into its operand.', {
    check: 'interpreter',
    commit: '50fe7ebb6475',
    mutation: { stream: form({ text: /^test r/, role: 'body', bpf: isJump(0x40, 5) }, () => 'and r64, r64') },
    sign: { got: /r0 = 0x0000000000000070/ },
    spec: 'comparisons in 32 and in 64 bits',
  }),
  fault('B21', 'JSET in 32 bits looks at all 64.', {
    check: 'interpreter',
    commit: '80f1f8503635',
    mutation: { stream: form({ text: /^test e\w+, e/, role: 'body', bpf: isJump(0x40, 6) }, () => 'test r64, r64') },
    sign: { got: /r0 = 0x0000000400000024/ },
    spec: 'comparisons in 32 and in 64 bits',
  }),
  fault('B22', 'A shift by 0 is one by 32.', {
    check: 'interpreter',
    commit: '6fa632e719ee',
    mutation: { stream: operands(body(/^(shl|shr|sar) r\w+, 0x0$/), ([to]) => [to!, imm8(32)]) },
    sign: { bpf: /^\*\(u64 \*\)\(r9 \+ 40\) = r2$/, message: /at byte 40$/ },
    spec: 'shifts by rcx, into rcx, and by nothing',
  }),
  fault('B25', 'The frame on the kernel stack has no room: the saved registers lie in it.', {
    check: 'frame-bounds',
    policy: 'kernel-stack',
    commit: '91f658587a96',
    mutation: { stream: drop({ text: /^sub rsp, /, role: 'stack-alloc' }) },
    sign: { message: /goes below the stack pointer, where interrupts write$/ },
    spec: 'C1 r9 after a helper, not saved',
  }),
  fault('B27', 'A boundary pushes everything, and does not set up its frame pointer.', {
    check: 'frame-address',
    mutation: { stream: drop({ role: 'frame-pointer', of: ({ facts }) => facts.exceptionBoundary }) },
    sign: { subprog: /^main$/, culprit: /^nobody: r9 is .* since the entry$/ },
    spec: 'a boundary that does not throw',
  }),
  fault('B28', "The exception callback makes room for a frame of the boundary's depth, not its own.", {
    check: 'frame-bounds',
    policy: 'kernel-stack',
    commit: '51b8de4b3d27',
    mutation: {
      stream: replace({ role: 'stack-alloc', of: ({ facts }) => facts.exceptionCallback }, ({ site }, of) => [
        insn(site, 'sub r64, imm32', r64(Gpr.rsp), imm32(roundUp(of.all[0]!.stackDepth, 8))),
      ]),
    },
    sign: { subprog: /^catch$/, message: /goes below the stack pointer, where interrupts write$/ },
    spec: 'callback and boundary of all depths',
  }),
  fault('B31', 'may_goto ends its loop when one round is left (seen in review).', {
    check: 'bytes',
    mutation: {
      stream: replace(
        { text: /^test r10, r10$/, role: 'body', bpf: ({ dst }) => dst === 11, of: counts },
        ({ site }) => [insn(site, 'cmp r64, imm8', r64(r10), imm8(1))],
      ),
    },
    sign: {},
    spec: '',
  }),
  fault('B32', 'The result of the thunk of may_goto is moved to r0, as that of any call.', {
    check: 'bytes',
    mutation: {
      stream: (items) =>
        items.flatMap((item) => [
          item,
          ...(item.kind === 'insn' && item.site.role === 'call' && isThunk(item.operands[0])
            ? [insn({ ...item.site, role: 'restore' }, 'mov r64, r64', r64(rax), r64(r10))]
            : []),
        ]),
    },
    sign: {},
    spec: '',
  }),
  fault('B33', 'A signed division is not kept from dividing by -1: for the smallest number the CPU traps.', {
    check: 'fault',
    mutation: { stream: drop({ text: /^add r10d?, 0x1$/, role: 'body', bpf: ({ dst }) => dst === 11 }) },
    sign: { machine: /^idiv r8$/, message: /^a division error$/ },
    spec: 'signed and unsigned division around rax and rdx',
  }),
  fault('B34', 'A 32-bit remainder of a division by 0 keeps the upper half.', {
    check: 'interpreter',
    mutation: {
      stream: (items, { insns }) =>
        insns.some(({ code }) => (code & 0xf7) === 0x94)
          ? items.filter(
              (item) =>
                item.kind !== 'insn' || item.form.name !== 'mov r32, r32' || item.operands[0] !== item.operands[1],
            )
          : items,
    },
    sign: { bpf: /^\*\(u64 \*\)\(r9 \+ 104\) = r1$/, message: /at byte 108$/ },
    spec: 'signed and unsigned division around rax and rdx',
  }),
  fault('B36', 'An exit that is not the first one does not find the epilogue, and goes on.', {
    check: 'fault',
    mutation: {
      stream: (items, { insns }) =>
        insns.some(({ code }) => code === EXIT)
          ? items.filter((item) => item.kind !== 'jump' || item.elide || item.condition !== 'jmp')
          : items,
    },
    sign: { message: /^a breakpoint$/ },
    spec: 'exits in the middle',
  }),
  fault('B38.div', 'A signed division forgets the sign.', {
    check: 'interpreter',
    mutation: {
      stream: all(
        replace(body(/^cqo$/), ({ site }) => [insn(site, 'xor r32, r32', r32(rdx), r32(rdx))]),
        form(body(/^idiv r/), ({ form: { name } }) => name.replace('idiv', 'div') as x86.FormName),
      ),
    },
    sign: { bpf: /^\*\(u64 \*\)\(r9 \+ 80\) = r1$/, message: /at byte 80$/ },
    spec: 'signed and unsigned division around rax and rdx',
  }),
  fault('B38.mov', 'A move that extends the sign is an ordinary one.', {
    check: 'interpreter',
    mutation: { stream: form(body(/^movsx(d)? r\w+, \w+$/), () => 'mov r64, r64') },
    sign: { bpf: /^\*\(u64 \*\)\(r9 \+ 24\) = r2$/, message: /at byte 25$/ },
    spec: 'byte order and sign extension',
  }),
];

const isThunk = (operand: x86.Operand | undefined): boolean =>
  operand?.kind === 'rel' && 'name' in operand.target && /may_goto|0xffffffff8135ac30/.test(operand.target.name);

export const MUSEUM_EXCLUDED: readonly Excluded[] = [
  { id: 'B1', reason: 'is F33' },
  { id: 'B7', reason: 'is about updating an array of programs: nothing that a JIT emits' },
  { id: 'B8', reason: 'is F47' },
  { id: 'B9', reason: 'is F48' },
  { id: 'B11', reason: 'is F40' },
  {
    id: 'B12',
    reason:
      'cannot happen: distances are computed from the final addresses; one that does not fit is an error (jit/emit/passes.test.ts)',
  },
  { id: 'B13', reason: 'programs that do not converge are refused, nothing wrong runs; the padding itself is F41' },
  { id: 'B14', reason: 'is F07: bytes in front of a call that its displacement does not count' },
  { id: 'B15', reason: 'call depth accounting is not emitted with these mitigations' },
  { id: 'B18', reason: 'the machine has two CPUs; without SMP there is no this_cpu_off to read' },
  { id: 'B23', reason: 'is F36: an offset at the edge of what its field holds' },
  { id: 'B24', reason: 'is F46' },
  { id: 'B26', reason: 'is F36 and F38: values at the edge of what an encoding holds' },
  { id: 'B29', reason: 'is F25' },
  { id: 'B30', reason: 'is about the thunk of may_goto, which the machine models and no JIT emits' },
  { id: 'B35', reason: 'is about trampolines, which the machine models and this JIT does not emit' },
  { id: 'B37', reason: 'was no bug: another encoding of the same' },
];
