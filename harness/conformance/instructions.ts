import {
  BPF_ABS,
  BPF_ADD,
  BPF_ALU,
  BPF_ALU64,
  BPF_AND,
  BPF_ARSH,
  BPF_ATOMIC,
  BPF_B,
  BPF_CALL,
  BPF_CMPXCHG,
  BPF_DIV,
  BPF_DW,
  BPF_END,
  BPF_EXIT,
  BPF_FETCH,
  BPF_H,
  BPF_IMM,
  BPF_IND,
  BPF_JA,
  BPF_JEQ,
  BPF_JGE,
  BPF_JGT,
  BPF_JLE,
  BPF_JLT,
  BPF_JMP,
  BPF_JMP32,
  BPF_JNE,
  BPF_JSET,
  BPF_JSGE,
  BPF_JSGT,
  BPF_JSLE,
  BPF_JSLT,
  BPF_LD,
  BPF_LDX,
  BPF_LOAD_ACQ,
  BPF_LSH,
  BPF_MEM,
  BPF_MEMSX,
  BPF_MOD,
  BPF_MOV,
  BPF_MUL,
  BPF_NEG,
  BPF_OR,
  BPF_PSEUDO_CALL,
  BPF_PSEUDO_KFUNC_CALL,
  BPF_RSH,
  BPF_ST,
  BPF_STORE_REL,
  BPF_STX,
  BPF_SUB,
  BPF_TO_BE,
  BPF_TO_LE,
  BPF_W,
  BPF_X,
  BPF_XCHG,
  BPF_XOR,
  type Insn,
} from '../../jit';
import { CALLX, type OperandName } from './operands';

/** The instruction set that first has an instruction, as compilers number them (`-mcpu`). */
export const CPU_VERSIONS = ['v1', 'v2', 'v3', 'v4'] as const;
export type CpuVersion = (typeof CPU_VERSIONS)[number];

/** Conformance groups (RFC 9669 section 2.4). */
export type Group = 'base32' | 'base64' | 'atomic32' | 'atomic64' | 'divmul32' | 'divmul64' | 'callx' | 'packet';

/** An instruction of the dialect: how it is written and what it is. */
export interface Instruction {
  /** One word or several: `add`, `lock fetch add`, `call local`. Null for what the dialect has no words for. */
  readonly head: string | null;
  readonly operands: readonly OperandName[];
  /** The fields that the words alone settle. */
  readonly insn: Pick<Insn, 'code'> & Partial<Insn>;
  readonly version: CpuVersion;
  readonly group: Group;
  /** Another spelling of a row before it. */
  readonly alias?: true;
}

/** Class, suffix of the mnemonic, bits. */
const WIDTHS = [
  [BPF_ALU64, '', 64],
  [BPF_ALU, '32', 32],
] as const;

const ARITHMETIC = [
  ['add', BPF_ADD, 0, 'v1', 'base'],
  ['sub', BPF_SUB, 0, 'v1', 'base'],
  ['mul', BPF_MUL, 0, 'v1', 'divmul'],
  ['div', BPF_DIV, 0, 'v1', 'divmul'],
  ['sdiv', BPF_DIV, 1, 'v4', 'divmul'],
  ['mod', BPF_MOD, 0, 'v1', 'divmul'],
  ['smod', BPF_MOD, 1, 'v4', 'divmul'],
  ['or', BPF_OR, 0, 'v1', 'base'],
  ['and', BPF_AND, 0, 'v1', 'base'],
  ['xor', BPF_XOR, 0, 'v1', 'base'],
  ['lsh', BPF_LSH, 0, 'v1', 'base'],
  ['rsh', BPF_RSH, 0, 'v1', 'base'],
  ['arsh', BPF_ARSH, 0, 'v1', 'base'],
  ['mov', BPF_MOV, 0, 'v1', 'base'],
] as const;

const arithmetic: Instruction[] = WIDTHS.flatMap(([kind, suffix, bits]) => [
  ...ARITHMETIC.map(
    ([name, op, off, version, group]): Instruction => ({
      head: `${name}${suffix}`,
      operands: ['dst', 'value'],
      insn: { code: kind | op, off },
      version,
      group: `${group}${bits}`,
    }),
  ),
  { head: `neg${suffix}`, operands: ['dst'], insn: { code: kind | BPF_NEG }, version: 'v1', group: `base${bits}` },
]);

/** Bits of the source and of the destination, both in the mnemonic. */
const signExtensions: Instruction[] = (
  [
    [8, 64, BPF_ALU64],
    [16, 64, BPF_ALU64],
    [32, 64, BPF_ALU64],
    [8, 32, BPF_ALU],
    [16, 32, BPF_ALU],
  ] as const
).flatMap(([from, to, kind]): Instruction[] => {
  const insn = { code: kind | BPF_MOV | BPF_X, off: from };
  const row: Instruction = {
    head: `movsx${from}${to}`,
    operands: ['dst', 'src'],
    insn,
    version: 'v4',
    group: `base${to}`,
  };
  return to === 64 ? [row, { ...row, head: `movsx${from}`, alias: true }] : [row];
});

const BYTE_ORDERS = [
  ['le', BPF_ALU | BPF_END | BPF_TO_LE, 'v1'],
  ['be', BPF_ALU | BPF_END | BPF_TO_BE, 'v1'],
  ['swap', BPF_ALU64 | BPF_END, 'v4'],
] as const;

const byteOrders: Instruction[] = BYTE_ORDERS.flatMap(([name, code, version]) =>
  [16, 32, 64].flatMap((imm): Instruction[] => {
    const group = imm === 64 ? 'base64' : 'base32';
    const row: Instruction = { head: `${name}${imm}`, operands: ['dst'], insn: { code, imm }, version, group };
    return name === 'swap' ? [row, { ...row, head: `bswap${imm}`, alias: true }] : [row];
  }),
);

const CONDITIONS = [
  ['jeq', BPF_JEQ, 'v1'],
  ['jne', BPF_JNE, 'v1'],
  ['jgt', BPF_JGT, 'v1'],
  ['jge', BPF_JGE, 'v1'],
  ['jlt', BPF_JLT, 'v2'],
  ['jle', BPF_JLE, 'v2'],
  ['jsgt', BPF_JSGT, 'v1'],
  ['jsge', BPF_JSGE, 'v1'],
  ['jslt', BPF_JSLT, 'v2'],
  ['jsle', BPF_JSLE, 'v2'],
  ['jset', BPF_JSET, 'v1'],
] as const;

const jumps: Instruction[] = [
  ...CONDITIONS.flatMap(([name, op, version]): Instruction[] => [
    { head: name, operands: ['dst', 'value', 'target'], insn: { code: BPF_JMP | op }, version, group: 'base64' },
    {
      head: `${name}32`,
      operands: ['dst', 'value', 'target'],
      insn: { code: BPF_JMP32 | op },
      version: 'v3',
      group: 'base32',
    },
  ]),
  { head: 'ja', operands: ['target'], insn: { code: BPF_JMP | BPF_JA }, version: 'v1', group: 'base32' },
  { head: 'ja32', operands: ['target32'], insn: { code: BPF_JMP32 | BPF_JA }, version: 'v4', group: 'base32' },
];

const CALL = BPF_JMP | BPF_CALL;

/** Kinds of calls; without a word it is a helper's, or through a register. */
const calls: Instruction[] = [
  { head: 'call', operands: ['callee'], insn: { code: CALL }, version: 'v1', group: 'base32' },
  { head: 'call helper', operands: ['callee'], insn: { code: CALL }, version: 'v1', group: 'base32', alias: true },
  {
    head: 'call local',
    operands: ['target32'],
    insn: { code: CALL, src: BPF_PSEUDO_CALL },
    version: 'v3',
    group: 'base32',
  },
  {
    head: 'call runtime',
    operands: ['imm'],
    insn: { code: CALL, src: BPF_PSEUDO_KFUNC_CALL },
    version: 'v3',
    group: 'base32',
  },
  { head: 'callx', operands: ['dst'], insn: { code: CALLX }, version: 'v1', group: 'callx' },
  { head: 'exit', operands: [], insn: { code: BPF_JMP | BPF_EXIT }, version: 'v1', group: 'base32' },
];

const SIZES = [
  ['b', BPF_B, 'base32'],
  ['h', BPF_H, 'base32'],
  ['w', BPF_W, 'base32'],
  ['dw', BPF_DW, 'base64'],
] as const;

const memory: Instruction[] = SIZES.flatMap(([name, size, group]): Instruction[] => [
  { head: `ldx${name}`, operands: ['dst', 'from'], insn: { code: BPF_LDX | BPF_MEM | size }, version: 'v1', group },
  { head: `st${name}`, operands: ['to', 'imm'], insn: { code: BPF_ST | BPF_MEM | size }, version: 'v1', group },
  { head: `stx${name}`, operands: ['to', 'src'], insn: { code: BPF_STX | BPF_MEM | size }, version: 'v1', group },
]);

const signedLoads: Instruction[] = SIZES.slice(0, 3).map(
  ([name, size]): Instruction => ({
    head: `ldxs${name}`,
    operands: ['dst', 'from'],
    insn: { code: BPF_LDX | BPF_MEMSX | size },
    version: 'v4',
    group: 'base64',
  }),
);

const WIDE = BPF_LD | BPF_IMM | BPF_DW;

/** ld_imm64; only the plain number can be written, the rest stands for what a loader knows. */
const wide: Instruction[] = [0, 1, 2, 3, 4, 5, 6].map(
  (src): Instruction => ({
    head: src === 0 ? 'lddw' : null,
    operands: src === 0 ? ['dst', 'imm64'] : [],
    insn: { code: WIDE, src },
    version: 'v1',
    group: 'base64',
  }),
);

const ATOMIC_WIDTHS = [
  [BPF_DW, '', 'atomic64'],
  [BPF_W, '32', 'atomic32'],
] as const;

const FETCHING = [
  ['add', BPF_ADD],
  ['or', BPF_OR],
  ['and', BPF_AND],
  ['xor', BPF_XOR],
] as const;

const atomics: Instruction[] = ATOMIC_WIDTHS.flatMap(([size, suffix, group]) => {
  const row = (head: string, imm: number): Instruction => ({
    head,
    operands: ['to', 'src'],
    insn: { code: BPF_STX | BPF_ATOMIC | size, imm },
    version: 'v3',
    group,
  });
  return [
    ...FETCHING.flatMap(([name, imm]): Instruction[] => [
      row(`lock ${name}${suffix}`, imm),
      row(`lock fetch ${name}${suffix}`, imm | BPF_FETCH),
      { ...row(`lock fetch_${name}${suffix}`, imm | BPF_FETCH), alias: true },
    ]),
    row(`lock xchg${suffix}`, BPF_XCHG),
    row(`lock cmpxchg${suffix}`, BPF_CMPXCHG),
  ];
});

/** Newer than the RFC. */
const ordered: Instruction[] = SIZES.flatMap(([name, size, base]): Instruction[] => {
  const code = BPF_STX | BPF_ATOMIC | size;
  const group = base === 'base64' ? 'atomic64' : 'atomic32';
  return [
    { head: `load_acquire${name}`, operands: ['dst', 'from'], insn: { code, imm: BPF_LOAD_ACQ }, version: 'v4', group },
    { head: `store_release${name}`, operands: ['to', 'src'], insn: { code, imm: BPF_STORE_REL }, version: 'v4', group },
  ];
});

/** Packet loads: deprecated, and without words. */
const packets: Instruction[] = [BPF_ABS, BPF_IND].flatMap((mode) =>
  SIZES.slice(0, 3).map(
    ([, size]): Instruction => ({
      head: null,
      operands: [],
      insn: { code: BPF_LD | mode | size },
      version: 'v1',
      group: 'packet',
    }),
  ),
);

/** Every instruction of RFC 9669 and the few that came after it, as the bpf_conformance suite writes them. */
export const INSTRUCTIONS: readonly Instruction[] = [
  ...arithmetic,
  ...signExtensions,
  ...byteOrders,
  ...jumps,
  ...calls,
  ...memory,
  ...signedLoads,
  ...wide,
  ...atomics,
  ...ordered,
  ...packets,
];
