import type { Form } from './form';
import {
  BPF_ADD,
  BPF_AND,
  BPF_ATOMIC,
  BPF_B,
  BPF_CMPXCHG,
  BPF_DW,
  BPF_FETCH,
  BPF_H,
  BPF_LOAD_ACQ,
  BPF_OR,
  BPF_PROBE_ATOMIC,
  BPF_STORE_REL,
  BPF_STX,
  BPF_W,
  BPF_XCHG,
  BPF_XOR,
} from './opcodes';

const OPERATIONS = [
  ['+=', 'add', BPF_ADD],
  ['|=', 'or', BPF_OR],
  ['&=', 'and', BPF_AND],
  ['^=', 'xor', BPF_XOR],
] as const;

interface Width {
  /** Type of the memory operand. */
  readonly type: string;
  readonly size: number;
  /** Prefix of the register operands, and of the literal register 0. */
  readonly w: '' | 'w';
  /** `atomic` as the kernel's printer spells it for this width. */
  readonly atomic: string;
}

const DOUBLE: Width = { type: 'u64', size: BPF_DW, w: '', atomic: 'atomic64' };
const WORD: Width = { type: 'u32', size: BPF_W, w: 'w', atomic: 'atomic' };
const HALF: Width = { type: 'u16', size: BPF_H, w: 'w', atomic: 'atomic' };
const BYTE: Width = { type: 'u8', size: BPF_B, w: 'w', atomic: 'atomic' };

/** Read-modify-write: 32 and 64 bits. */
function readModifyWrite({ type, size, w, atomic }: Width): Form[] {
  const code = BPF_STX | BPF_ATOMIC | size;
  const at = `(${type} *)({dst} {off})`;
  const src = `{${w}src}`;
  const r0 = w === '' ? 'r0' : 'w0';
  return [
    ...OPERATIONS.flatMap(([operator, name, op]) => [
      { text: `lock *${at} ${operator} ${src}`, code, imm: op },
      { text: `${src} = ${atomic}_fetch_${name}(${at}, ${src})`, code, imm: op | BPF_FETCH },
    ]),
    { text: `${src} = ${atomic}_xchg(${at}, ${src})`, code, imm: BPF_XCHG },
    { text: `${r0} = ${atomic}_cmpxchg(${at}, ${r0}, ${src})`, code, imm: BPF_CMPXCHG },
  ];
}

/** Acquiring loads and releasing stores: every size. */
function ordered({ type, size, w }: Width): Form[] {
  const code = BPF_STX | BPF_ATOMIC | size;
  return [
    { text: `{${w}dst} = load_acquire((${type} *)({src} {off}))`, code, imm: BPF_LOAD_ACQ },
    { text: `store_release((${type} *)({dst} {off}), {${w}src})`, code, imm: BPF_STORE_REL },
  ];
}

const canonical: Form[] = [...[DOUBLE, WORD].flatMap(readModifyWrite), ...[DOUBLE, WORD, HALF, BYTE].flatMap(ordered)];

/** The same on arena memory: class STX, mode PROBE_ATOMIC. */
const probed: Form[] = canonical.map((form) => ({
  ...form,
  text: `${form.text} probe_atomic`,
  code: (form.code & ~0xe0) | BPF_PROBE_ATOMIC,
  kernel: true,
}));

const alias = (forms: readonly Form[]): Form[] => forms.map((form) => ({ ...form, alias: true }));

/** The kernel prints 64-bit registers for every width. */
const kernelRegisters: Form[] = alias([
  ...readModifyWrite({ ...WORD, w: '' }),
  ...[WORD, HALF, BYTE].flatMap((width) => ordered({ ...width, w: '' })),
]);

/** LLVM says `atomic` for both widths, and has names of its own for exchanges. */
const llvm: Form[] = alias([
  ...readModifyWrite({ ...DOUBLE, atomic: 'atomic' }).filter((form) => form.text.includes('_fetch_')),
  { text: '{src} = xchg_64({dst} {off}, {src})', code: BPF_STX | BPF_ATOMIC | BPF_DW, imm: BPF_XCHG },
  { text: '{wsrc} = xchg32_32({dst} {off}, {wsrc})', code: BPF_STX | BPF_ATOMIC | BPF_W, imm: BPF_XCHG },
  { text: 'r0 = cmpxchg_64({dst} {off}, r0, {src})', code: BPF_STX | BPF_ATOMIC | BPF_DW, imm: BPF_CMPXCHG },
  { text: 'w0 = cmpxchg32_32({dst} {off}, w0, {wsrc})', code: BPF_STX | BPF_ATOMIC | BPF_W, imm: BPF_CMPXCHG },
]);

/** Atomic instructions. */
export const ATOMIC_FORMS: readonly Form[] = [...canonical, ...probed, ...kernelRegisters, ...llvm];
