import type { Form } from './form';
import {
  BPF_ADD,
  BPF_ADDR_PERCPU,
  BPF_ADDR_SPACE_CAST,
  BPF_ALU,
  BPF_ALU64,
  BPF_AND,
  BPF_ARSH,
  BPF_DIV,
  BPF_END,
  BPF_K,
  BPF_LSH,
  BPF_MOD,
  BPF_MOV,
  BPF_MUL,
  BPF_NEG,
  BPF_OR,
  BPF_RSH,
  BPF_SUB,
  BPF_TO_BE,
  BPF_TO_LE,
  BPF_X,
  BPF_XOR,
} from './opcodes';

/** Operator, operation, `off`, and the operand that an immediate is, of 64 and of 32 bits. */
const OPERATORS = [
  ['+=', BPF_ADD, 0, '{imm}', '{imm32}'],
  ['-=', BPF_SUB, 0, '{imm}', '{imm32}'],
  ['*=', BPF_MUL, 0, '{imm}', '{imm32}'],
  ['/=', BPF_DIV, 0, '{divisor}', '{divisor32}'],
  ['s/=', BPF_DIV, 1, '{divisor}', '{divisor32}'],
  ['%=', BPF_MOD, 0, '{divisor}', '{divisor32}'],
  ['s%=', BPF_MOD, 1, '{divisor}', '{divisor32}'],
  ['|=', BPF_OR, 0, '{imm}', '{imm32}'],
  ['&=', BPF_AND, 0, '{imm}', '{imm32}'],
  ['^=', BPF_XOR, 0, '{imm}', '{imm32}'],
  ['<<=', BPF_LSH, 0, '{shift}', '{shift32}'],
  ['>>=', BPF_RSH, 0, '{shift}', '{shift32}'],
  ['s>>=', BPF_ARSH, 0, '{shift}', '{shift32}'],
  ['=', BPF_MOV, 0, '{imm}', '{imm32}'],
] as const;

const binary: Form[] = OPERATORS.flatMap(([operator, op, off, imm, imm32]) => [
  { text: `{dst} ${operator} {src}`, code: BPF_ALU64 | op | BPF_X, off },
  { text: `{dst} ${operator} ${imm}`, code: BPF_ALU64 | op | BPF_K, off },
  { text: `{wdst} ${operator} {wsrc}`, code: BPF_ALU | op | BPF_X, off },
  { text: `{wdst} ${operator} ${imm32}`, code: BPF_ALU | op | BPF_K, off },
]);

const swaps: Form[] = [16, 32, 64].flatMap((imm) => [
  { text: `{dst} = le${imm} {dst}`, code: BPF_ALU | BPF_END | BPF_TO_LE, imm },
  { text: `{dst} = be${imm} {dst}`, code: BPF_ALU | BPF_END | BPF_TO_BE, imm },
  { text: `{dst} = bswap${imm} {dst}`, code: BPF_ALU64 | BPF_END, imm },
]);

/** Arithmetic, moves, byte swaps and casts. */
export const ALU_FORMS: readonly Form[] = [
  ...binary,
  { text: '{dst} = -{dst}', code: BPF_ALU64 | BPF_NEG },
  { text: '{wdst} = -{wdst}', code: BPF_ALU | BPF_NEG },
  { text: '{dst} = (s8){src}', code: BPF_ALU64 | BPF_MOV | BPF_X, off: 8 },
  { text: '{dst} = (s16){src}', code: BPF_ALU64 | BPF_MOV | BPF_X, off: 16 },
  { text: '{dst} = (s32){src}', code: BPF_ALU64 | BPF_MOV | BPF_X, off: 32 },
  { text: '{wdst} = (s8){wsrc}', code: BPF_ALU | BPF_MOV | BPF_X, off: 8 },
  { text: '{wdst} = (s16){wsrc}', code: BPF_ALU | BPF_MOV | BPF_X, off: 16 },
  // Behind a 32-bit cmpxchg the verifier says that the upper half is zero (BPF_ZEXT_REG, include/linux/filter.h).
  { text: '{wdst} = {wsrc} zext', code: BPF_ALU | BPF_MOV | BPF_X, imm: 1, kernel: true },
  ...swaps,
  // The upper half of the immediate is the new address space, the lower half the old one.
  {
    text: '{dst} = addr_space_cast({src}, 0, 1)',
    code: BPF_ALU64 | BPF_MOV | BPF_X,
    off: BPF_ADDR_SPACE_CAST,
    imm: 0x00001,
  },
  {
    text: '{dst} = addr_space_cast({src}, 1, 0)',
    code: BPF_ALU64 | BPF_MOV | BPF_X,
    off: BPF_ADDR_SPACE_CAST,
    imm: 0x10000,
  },
  {
    text: '{dst} = &(void __percpu *)({src})',
    code: BPF_ALU64 | BPF_MOV | BPF_X,
    off: BPF_ADDR_PERCPU,
    kernel: true,
  },
];
