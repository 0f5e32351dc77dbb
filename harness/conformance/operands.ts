import { BPF_CALL, BPF_JMP, BPF_X, HELPERS, type Insn } from '../../jit';
import { integer } from './position';

/** An instruction being read. */
export type Draft = { -readonly [F in keyof Insn]: Insn[F] };

/** Distance to a label, in slots from the next instruction. */
export type Distance = (label: string) => number | undefined;

/** How an operand is written. */
export interface OperandKind {
  /** Its place in the usage line of an instruction. */
  readonly usage: string;
  /** Sets the fields that it stands for. @returns what is wrong, if anything */
  readonly read: (text: string, draft: Draft, distance: Distance) => string | undefined;
}

/** `%r3`, or `r3`. There is no r11, but tests that must fail name it, so that all of the field's values can be written. */
function register(text: string): number | undefined {
  const match = /^%?r(\d{1,2})$/.exec(text);
  const number = match ? Number(match[1]) : 16;
  return number < 16 ? number : undefined;
}

/** Of a larger number the suite's assembler takes the lower bits, and results in its files count on that. */
const lower = (value: bigint, bits: number): number | undefined =>
  value < -(2n ** 63n) || value >= 2n ** 64n ? undefined : Number(BigInt.asIntN(bits, value));

function immediate(text: string): number | undefined {
  const value = integer(text);
  return value === undefined ? undefined : lower(value, 32);
}

/** An offset is 16 bits, signed; the unsigned number of the same bits is understood. */
const near = (value: bigint): boolean => value >= -0x8000n && value <= 0xffffn;

const notRegister = (text: string): string => `\`${text}\` is not a register: %r0 to %r10`;
const notImmediate = (text: string): string =>
  integer(text) === undefined ? `\`${text}\` is not a number` : `${text} does not fit in 64 bits`;

function setRegister(field: 'dst' | 'src'): OperandKind['read'] {
  return (text, draft) => {
    const number = register(text);
    if (number === undefined) return notRegister(text);
    draft[field] = number;
    return undefined;
  };
}

function setImmediate(text: string, draft: Draft): string | undefined {
  const value = immediate(text);
  if (value === undefined) return notImmediate(text);
  draft.imm = value;
  return undefined;
}

/** `[%r1+4]`, `[%r10-8]`, `[%r1]`. */
function setMemory(field: 'dst' | 'src'): OperandKind['read'] {
  return (text, draft) => {
    const match = /^\[\s*([^\s+\-\]]+)\s*(?:([+-])\s*([^\s\]]+)\s*)?\]$/.exec(text);
    if (!match) return `\`${text}\` is not a memory operand: [%r1+4]`;
    const number = register(match[1]!);
    if (number === undefined) return notRegister(match[1]!);
    const offset = match[3] === undefined ? 0n : integer(`${match[2]}${match[3]}`);
    if (offset === undefined) return `\`${match[3]}\` is not a number`;
    if (!near(offset)) return `offset ${offset} does not fit in 16 bits`;
    draft[field] = number;
    draft.off = Number(BigInt.asIntN(16, offset));
    return undefined;
  };
}

/** A distance with its sign (`+3`), or a label. */
function setTarget(field: 'off' | 'imm', bits: 16 | 32): OperandKind['read'] {
  return (text, draft, distance) => {
    const value = /^[+-]/.test(text) ? integer(text) : distance(text);
    if (value === undefined) return `there is no label \`${text}\``;
    if (BigInt.asIntN(bits, BigInt(value)) !== BigInt(value))
      return `a jump over ${value} slots does not fit in ${bits} bits`;
    draft[field] = Number(value);
    return undefined;
  };
}

/** Opcode of a call through a register (RFC 9669 section 4.3, conformance group callx). */
export const CALLX = BPF_JMP | BPF_CALL | BPF_X;

/** Whom `call` calls: a helper by number or name, or whatever a register points to. */
function setCallee(text: string, draft: Draft): string | undefined {
  const number = register(text);
  if (number !== undefined) {
    draft.code = CALLX;
    draft.dst = number;
    return undefined;
  }
  const id = HELPERS.id(text);
  if (id === undefined) return setImmediate(text, draft) && `\`${text}\` is neither a helper nor a number`;
  draft.imm = id;
  return undefined;
}

/** A register or an immediate; the opcode says which. */
function setValue(text: string, draft: Draft): string | undefined {
  const number = register(text);
  if (number === undefined) {
    const value = immediate(text);
    if (value === undefined)
      return integer(text) === undefined ? `\`${text}\` is neither a register nor a number` : notImmediate(text);
    draft.imm = value;
    return undefined;
  }
  draft.code |= BPF_X;
  draft.src = number;
  return undefined;
}

function setWide(text: string, draft: Draft): string | undefined {
  const value = integer(text);
  if (value === undefined) return `\`${text}\` is not a number`;
  if (value < -(2n ** 63n) || value >= 2n ** 64n) return `${text} does not fit in 64 bits`;
  draft.imm64 = BigInt.asUintN(64, value);
  return undefined;
}

/** By the names that the table of instructions uses. */
export const OPERANDS = {
  dst: { usage: '%dst', read: setRegister('dst') },
  src: { usage: '%src', read: setRegister('src') },
  value: { usage: '%src or imm', read: setValue },
  imm: { usage: 'imm', read: setImmediate },
  imm64: { usage: 'imm64', read: setWide },
  from: { usage: '[%src+off]', read: setMemory('src') },
  to: { usage: '[%dst+off]', read: setMemory('dst') },
  target: { usage: 'label', read: setTarget('off', 16) },
  target32: { usage: 'label', read: setTarget('imm', 32) },
  callee: { usage: 'helper', read: setCallee },
} as const satisfies Record<string, OperandKind>;

export type OperandName = keyof typeof OPERANDS;
