import { Gpr, type Insn, type Role, type StreamItem, x86 } from '../../jit';
import { clearRex, encoded, isReg, memOf, rexAt, withoutRex } from './encodings';
import { type Excluded, type Fault, fault } from './fault';
import type { StreamOf } from './mutation';
import { before, drop, form, insn, operands, replace, textOf } from './streams';

const { r32, r64, imm8 } = x86;
const { rax, rcx, rdx, rbp, r12, r13 } = Gpr;

const inBody = ({ site: { role } }: { readonly site: { readonly role: Role } }): boolean => role === 'body';
const body = (text: RegExp) => ({ text, role: 'body' as Role });

/** Instructions of ALU in 32 bits (class 4), of jumps in 32 bits (class 6). */
const isAlu32 = ({ code }: Insn): boolean => (code & 7) === 4;
const isJmp32 = ({ code }: Insn): boolean => (code & 7) === 6;

/** A byte store from a register whose low byte has no name without REX: what is stored is the second byte of another one. */
const byteStore = (register: number) =>
  encoded(
    ({ form: { name }, operands: [mem, source] }) =>
      name === 'mov m8, r8' && isReg(source, register) && mem?.kind === 'mem' && mem.base < 8,
    (bytes) => withoutRex(bytes),
  );

/** Offset of the ModRM byte: behind prefixes, REX and opcode. */
const modrmAt = (bytes: Uint8Array): number => (rexAt(bytes) < 0 ? 0 : rexAt(bytes) + 1) + 1;

const isDivision = ({ code }: Insn): boolean => [0x30, 0x90].includes(code & 0xf0) && [4, 7].includes(code & 7);
const isProbe = ({ code }: Insn): boolean => (code & 7) === 1 && [0x20, 0x40].includes(code & 0xe0);
const isZeroExtension = (item: StreamItem): boolean => item.kind === 'insn' && textOf(item) === 'mov eax, eax';
const isCompareExchange = (item: StreamItem | undefined, _: StreamOf): boolean =>
  item?.kind === 'insn' && item.form.name === 'lock cmpxchg m32, r32';

/** Shifts by a register the way that CPUs without BMI2 do it: cl holds the count, r11 stands in for rcx. */
const shiftByCl = (how: { readonly restores: boolean; readonly when: 'into rcx' | 'others' }) =>
  replace(body(/^(shl|shr|sar)x /), (item) => {
    const [dst, , count] = item.operands as [x86.Reg, x86.Reg, x86.Reg];
    const { site } = item;
    const name = `${item.form.mnemonic.slice(0, 3)} r64, cl` as x86.FormName;
    if ((dst.num === rcx) !== (how.when === 'into rcx') || dst.width !== 64) return [item];
    if (dst.num === rcx) {
      return [
        insn(site, 'mov r64, r64', r64(Gpr.r11), r64(rcx)),
        insn(site, 'mov r64, r64', r64(rcx), r64(count.num)),
        insn(site, name, r64(Gpr.r11)),
        ...(how.restores ? [insn(site, 'mov r64, r64', r64(rcx), r64(Gpr.r11))] : []),
      ];
    }
    return [
      insn(site, 'push r64', r64(rcx)),
      insn(site, 'mov r64, r64', r64(rcx), r64(count.num)),
      insn(site, name, dst),
      how.restores ? insn(site, 'pop r64', r64(rcx)) : insn(site, 'pop r64', r64(Gpr.r11)),
    ];
  });

/** The form of an instruction at 64 bits instead of 32. */
const widened = ({ form: { name } }: { readonly form: x86.Form }) => name.replaceAll('r32', 'r64') as x86.FormName;

/** Encodings: F32 to F53. */
export const ENCODING: readonly Fault[] = [
  fault('F32', 'Moves between registers have no REX.R and REX.B: r8 to r15 are taken for rax to rdi.', {
    check: 'interpreter',
    mutation: { bytes: encoded((each) => each.form.name === 'mov r64, r64' && inBody(each), clearRex(0b101)) },
    sign: { bpf: /^\*\(u64 \*\)\(r9 \+ 16\) = r8$/, message: /at byte 16$/ },
    spec: 'byte order and sign extension',
  }),
  fault('F33', 'A byte store of the frame pointer has no REX prefix: it stores ch, not bpl.', {
    check: 'retval',
    policy: 'kernel-stack',
    commit: 'aee194b14dd2',
    mutation: { bytes: byteStore(rbp) },
    sign: { got: /^r0 = 2 / },
    spec: 'a byte of the frame pointer itself',
  }),
  fault('F33.dil', 'A byte store of BPF r1 has no REX prefix: it stores bh, not dil.', {
    check: 'interpreter',
    commit: 'aee194b14dd2',
    mutation: { bytes: byteStore(Gpr.rdi) },
    sign: { bpf: /^\*\(u8 \*\)\(r6 \+ 0\) = r1$/, message: /at byte 0$/ },
    spec: 'stores of the low byte of every register',
  }),
  fault('F33.sil', 'A byte store of BPF r2 has no REX prefix: it stores dh, not sil.', {
    check: 'interpreter',
    commit: 'aee194b14dd2',
    mutation: { bytes: byteStore(Gpr.rsi) },
    sign: { bpf: /^\*\(u8 \*\)\(r6 \+ 1\) = r2$/, message: /at byte 1$/ },
    spec: 'stores of the low byte of every register',
  }),
  fault(
    'F34',
    'An offset of 0 is left out also with r13 as base: the CPU takes the next four bytes for one, and no base.',
    {
      check: 'frame-bounds',
      mutation: {
        bytes: encoded(
          (each) => inBody(each) && memOf(each)?.base === r13 && memOf(each)?.disp === 0 && memOf(each)?.index === null,
          (bytes) => [...bytes.slice(0, -2), bytes[bytes.length - 2]! & 0x3f],
        ),
      },
      sign: { bpf: /\(r7 \+ 0\)/, message: /goes to memory that belongs to nobody$/ },
      spec: 'r7 and r8 as pointers, offsets around 128',
    },
  ),
  fault('F35', 'An access to an arena leaves out the index: it goes to the 32-bit pointer itself.', {
    check: 'memory',
    mutation: {
      bytes: encoded(
        (each) => memOf(each)?.index === r12,
        (bytes, each) => {
          const at = modrmAt(bytes);
          return [...bytes.slice(0, at), (bytes[at]! & 0xf8) | (memOf(each)!.base & 7), ...bytes.slice(at + 2)];
        },
      ),
    },
    sign: { message: /^heap differs at byte 16$/ },
    spec: 'an arena has the pages that are allocated',
  }),
  fault('F36', 'Offsets from 128 to 255 are written in 8 bits: the CPU extends the sign.', {
    check: 'frame-address',
    mutation: {
      stream: operands({ role: 'body' }, (each) =>
        each.map((operand) =>
          operand.kind === 'mem' && operand.dispWidth === 32 && operand.disp >= -256 && operand.disp < 256
            ? { ...operand, dispWidth: 8, disp: (operand.disp << 24) >> 24 }
            : operand,
        ),
      ),
    },
    sign: { machine: /\[r9\+0x7f\]/ },
    spec: 'all access sizes at the displacement boundary',
  }),
  fault('F37.zero', 'A negative immediate is moved by the form that clears the upper half.', {
    check: 'interpreter',
    mutation: {
      stream: form({ text: /^mov r.+, -?0x/, role: 'body', bpf: ({ code }) => code === 0xb7 }, ({ form: { name } }) =>
        name === 'mov r64, imm32' ? 'mov r32, imm32' : name,
      ),
    },
    sign: { bpf: /^\*\(u64 \*\)\(r2 \+ 16\) = r1$/, message: /at byte 20$/ },
    spec: 'moves of every register, and immediates of every kind',
  }),
  fault('F37.sign', 'An immediate with bit 31 set is moved by the form that extends the sign.', {
    check: 'interpreter',
    mutation: {
      stream: replace({ role: 'body', bpf: ({ code }) => code === 0xb4 || code === 0x18 }, (item) => {
        const [to, value] = item.operands;
        const negative = item.form.name === 'mov r32, imm32' && value?.kind === 'imm' && (value.value | 0) < 0;
        return [negative ? insn(item.site, 'mov r64, imm32', r64((to as x86.Reg).num), value) : item];
      }),
    },
    sign: { bpf: /^\*\(u64 \*\)\(r2 \+ 24\) = r1$/, message: /at byte 28$/ },
    spec: 'moves of every register, and immediates of every kind',
  }),
  fault('F38', 'An immediate from 128 to 255 is written in 8 bits: the CPU extends the sign.', {
    check: 'interpreter',
    mutation: {
      stream: replace({ text: /^(add|sub|and|or|xor) /, role: 'body' }, (item) => {
        const value = item.operands.find(({ kind }) => kind === 'imm') as x86.Imm | undefined;
        if (value?.width !== 32 || value.value < 128 || value.value > 255) return [item];
        const { mnemonic, name } = item.form;
        const wide = !/r32|eax/.test(name);
        const first = item.operands[0]!;
        const num = first.kind === 'reg' ? first.num : rax;
        const to = `${mnemonic} ${wide ? 'r64' : 'r32'}, imm8` as x86.FormName;
        return [insn(item.site, to, wide ? r64(num) : r32(num), imm8(value.value))];
      }),
    },
    sign: { bpf: /^\*\(u64 \*\)\(r9 \+ 16\) = r3$/, message: /at byte 17$/ },
    spec: 'arithmetic in 32 bits, and with immediates that just fit',
  }),
  fault('F39', 'A 32-bit comparison with 0 tests all 64 bits.', {
    check: 'interpreter',
    mutation: {
      stream: form({ text: /^test e/, role: 'body', bpf: ({ code, imm }) => (code & 7) === 6 && imm === 0 }, widened),
    },
    sign: { got: /r0 = 0x0000000400000025/ },
    spec: 'comparisons in 32 and in 64 bits',
  }),
  fault('F40', 'Short jumps reach up to 127 bytes forward, as the CPU can: what converges in the kernel may not.', {
    check: 'bytes',
    commit: 'c8831bdbfbab',
    mutation: { options: () => ({ passes: { shortUpTo: 127 } }) },
    sign: {},
    spec: '',
  }),
  fault('F41', 'The distance of a jump does not count the nops in front of it.', {
    check: 'interpreter',
    mutation: {
      bytes: (bytes, item) => {
        if (item.kind !== 'jump') return bytes;
        const nops = { 15: bytes[1] === 0x1f ? (bytes[2] === 0x40 ? 4 : 3) : 0 }[bytes[0]!] ?? 0;
        if (nops === 0 || bytes.length === nops) return bytes;
        const changed = bytes.slice();
        changed[changed.length - 1] = changed[changed.length - 1]! + nops;
        return changed;
      },
    },
    sign: { got: /r0 = 0x0000000000000073/ },
    spec: 'jumps that are padded',
  }),
  fault('F42', 'REX stands before the 66 prefix, where CPUs ignore it (libunicorn does not).', {
    check: 'bytes',
    mutation: {
      bytes: encoded(
        (each) => inBody(each) && each.form.prefixes.includes(0x66),
        (bytes) => (rexAt(bytes) === 1 ? [bytes[1]!, bytes[0]!, ...bytes.slice(2)] : bytes),
      ),
    },
    sign: {},
    spec: '',
  }),
  fault('F43', 'The swap of 16 bits leaves the upper bits as they were.', {
    check: 'interpreter',
    mutation: {
      stream: drop({ text: /^movzx /, role: 'body', bpf: ({ code, imm }) => (code & 0xf7) === 0xd4 && imm === 16 }),
    },
    sign: { bpf: /^\*\(u64 \*\)\(r9 \+ 0\) = r1$/, message: /at byte 2$/ },
    spec: 'byte order and sign extension',
  }),
  fault('F44.rcx', 'A shift that borrows rcx for its count does not give it back.', {
    check: 'interpreter',
    mutation: { stream: shiftByCl({ restores: false, when: 'others' }) },
    sign: { bpf: /^\*\(u64 \*\)\(r9 \+ 16\) = r4$/, message: /at byte 16$/ },
    spec: 'shifts by rcx, into rcx, and by nothing',
  }),
  fault('F44.dst', 'A shift of rcx itself leaves the count there, not the result.', {
    check: 'interpreter',
    mutation: { stream: shiftByCl({ restores: false, when: 'into rcx' }) },
    sign: { bpf: /^\*\(u64 \*\)\(r9 \+ 24\) = r4$/, message: /at byte 24$/ },
    spec: 'shifts by rcx, into rcx, and by nothing',
  }),
  fault('F44.src', 'A shift by rcx shifts by what stands in rdx.', {
    check: 'interpreter',
    mutation: {
      stream: before(body(/^(shl|shr|sar) \w+, cl$/), ({ site }) => [insn(site, 'mov r64, r64', r64(rcx), r64(rdx))]),
    },
    sign: { bpf: /^\*\(u64 \*\)\(r9 \+ 0\) = r2$/, message: /at byte 0$/ },
    spec: 'shifts by rcx, into rcx, and by nothing',
  }),
  fault('F45.rax', 'A division does not give rax back.', {
    check: 'interpreter',
    mutation: { stream: operands({ text: /^pop rax$/, role: 'body', bpf: isDivision }, () => [r64(Gpr.r11)]) },
    sign: { bpf: /^\*\(u64 \*\)\(r9 \+ 0\) = r0$/, message: /at byte 0$/ },
    spec: 'signed and unsigned division around rax and rdx',
  }),
  fault('F45.rdx', 'A division does not give rdx back.', {
    check: 'interpreter',
    mutation: { stream: operands({ text: /^pop rdx$/, role: 'body', bpf: isDivision }, () => [r64(Gpr.r11)]) },
    sign: { bpf: /^\*\(u64 \*\)\(r9 \+ 16\) = r3$/, message: /at byte 16$/ },
    spec: 'signed and unsigned division around rax and rdx',
  }),
  fault('F45.src', 'A divisor in rdx is used after rdx was cleared.', {
    check: 'fault',
    mutation: {
      stream: replace(
        { text: /^i?div r11/, role: 'body', bpf: ({ code, src }) => (code & 0x0f) === 0x0f && src === 3 },
        (item) => [{ ...item, operands: [r64(rdx)] }],
      ),
    },
    sign: { machine: /^div rdx$/, message: /^a division error$/ },
    spec: 'signed and unsigned division around rax and rdx',
  }),
  fault('F46', 'Additions of 32 bits are done in 64: the carry stays.', {
    check: 'interpreter',
    commit: '1e692f09e091',
    mutation: { stream: form({ text: /^add e/, role: 'body', bpf: isAlu32 }, widened) },
    sign: { bpf: /^\*\(u64 \*\)\(r9 \+ 0\) = r2$/, message: /at byte 7$/ },
    spec: 'arithmetic in 32 bits, and with immediates that just fit',
  }),
  fault('F47', 'A fetch of or, and, xor takes its operand from r0 when that holds the old value of memory already.', {
    check: 'interpreter',
    commit: 'b29dd96b905f',
    mutation: {
      stream: operands(
        { text: /^(or|and|xor) r11, r10$/, role: 'body', bpf: ({ code, src }) => code === 0xdb && src === 0 },
        () => [r64(Gpr.r11), r64(rax)],
      ),
    },
    sign: { bpf: /^w0 = atomic_cmpxchg\(\(u32 \*\)\(r9 \+ 0\), w0, w1\)$/, message: /at byte 0$/ },
    spec: 'atomics that fetch, with r0 as what is fetched into',
  }),
  fault('F47.loop', 'The loop of a fetch computes the new value in rax, which it compares with: it never succeeds.', {
    check: 'termination',
    mutation: {
      stream: operands(
        { text: /^(or|and|xor) r11, \w+$/, role: 'body', bpf: ({ code }) => code === 0xdb },
        ([, by]) => [r64(rax), by!],
      ),
    },
    sign: { machine: /^or rax, r10$/ },
    spec: 'atomics that fetch, with r0 as what is fetched into',
  }),
  fault('F48', 'A 32-bit compare and exchange leaves the upper half of r0 (libunicorn 2.0.1 clears it, CPUs do not).', {
    check: 'bytes',
    mutation: {
      stream: (items, of) => items.filter((item, i) => !isZeroExtension(item) || !isCompareExchange(items[i - 1], of)),
    },
    sign: {},
    spec: '',
  }),
  fault('F49.zero', 'A probing load that faults does not clear its register.', {
    check: 'retval',
    mutation: {
      stream: (items) =>
        items.map((item) => (item.kind === 'insn' && item.onFault ? { ...item, onFault: { zero: null } } : item)),
    },
    sign: { got: /^r0 = \d{15,} / },
    spec: 'a probing load leaves 0 where nothing is mapped',
  }),
  fault(
    'F49.skip',
    'Where a probing load must not touch an address, one instruction too few is jumped over: it loads.',
    {
      check: 'bytes',
      mutation: {
        stream: (items, of) =>
          items.filter(
            (item) =>
              !(
                item.kind === 'insn' &&
                /^jmp/.test(item.form.mnemonic) &&
                item.site.role === 'body' &&
                of.insns.some(isProbe)
              ),
          ),
      },
      sign: {},
      spec: '',
    },
  ),
  fault('F50', 'The sign extension of a byte in rdi or rsi has no REX prefix: it extends bh or dh.', {
    check: 'interpreter',
    mutation: {
      bytes: encoded(
        ({ form: { name }, operands: [to, from] }) =>
          name === 'movsx r32, r8' && isReg(from, Gpr.rsi, Gpr.rdi) && to?.kind === 'reg' && to.num < 8,
        withoutRex,
      ),
    },
    sign: { bpf: /^\*\(u64 \*\)\(r9 \+ 40\) = r3$/, message: /at byte 40$/ },
    spec: 'byte order and sign extension',
  }),
  fault('F51', 'A multiplication has its operands swapped: the product is in the source.', {
    check: 'interpreter',
    mutation: { stream: operands({ text: /^imul \w+, \w+$/, role: 'body' }, ([a, b]) => [b!, a!]) },
    sign: { bpf: /^\*\(u64 \*\)\(r9 \+ 40\) = r5$/, message: /at byte 40$/ },
    spec: 'arithmetic in 32 bits, and with immediates that just fit',
  }),
  fault('F53', 'Comparisons of jumps in 32 bits compare 64.', {
    check: 'interpreter',
    mutation: { stream: form({ text: /^cmp e/, role: 'body', bpf: isJmp32 }, widened) },
    sign: { got: /r0 = 0x00000004000000b8/ },
    spec: 'comparisons in 32 and in 64 bits',
  }),
];

export const ENCODING_EXCLUDED: readonly Excluded[] = [
  {
    id: 'F52',
    reason: 'a second slot that is not skipped is no instruction: nothing would be compiled (tested in jit/emit)',
  },
];
