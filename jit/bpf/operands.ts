import type { Insn } from './insn';
import { BPF_REG_AX, BPF_REG_FP } from './opcodes';
import type { Operand, Problem } from './operand';
import { isProblem } from './operand';
import { CALLEE, FUNC, FUNC_NAME, MAP, MAP_BASE, VALUE_OFFSET } from './references';

const MIN32 = -(2n ** 31n);

function registerOperand(field: 'dst' | 'src', token: 'r' | 'w'): Operand {
  return {
    token,
    fields: [field],
    print: (insn) => registerName(insn[field], token),
    read: ({ number }, insn) => {
      insn[field] = Number(number);
      return undefined;
    },
    check: (insn, rules) => {
      const register = insn[field];
      if (register <= BPF_REG_FP || (register === BPF_REG_AX && rules.kernelInternal)) return undefined;
      if (register === BPF_REG_AX) return `r11 is the verifier's own register, not a program's`;
      return `unknown register ${token}${register}: there are r0 to r10`;
    },
  };
}

/** `r6`, `w6`; the verifier's scratch register is `ax` and `wax`. */
export function registerName(register: number, letter: 'r' | 'w' = 'r'): string {
  if (register === BPF_REG_AX) return letter === 'r' ? 'ax' : 'wax';
  return `${letter}${register}`;
}

/** A 32-bit immediate: 32-bit operations take it signed or unsigned, 64-bit operations extend its sign. */
function immediate(width: 32 | 64, check?: (imm: number) => string | undefined): Operand {
  return {
    token: 'number',
    fields: ['imm'],
    print: (insn) => `${insn.imm}`,
    read: ({ number }, insn, { dump }) => {
      const value = number!;
      const max = width === 32 || dump ? 2n ** 32n : 2n ** 31n;
      if (value < MIN32 || value >= max) return immediateProblem(value, width);
      insn.imm = Number(BigInt.asIntN(32, value));
      return undefined;
    },
    ...(check && { check: (insn: Insn) => check(insn.imm) }),
  };
}

function immediateProblem(value: bigint, width: 32 | 64): Problem {
  if (width === 32) return { message: `${value} does not fit in 32 bits` };
  const wide = `0x${BigInt.asUintN(64, value).toString(16)} ll`;
  return {
    message: `${value} does not fit in the immediate of a 64-bit operation, which is 32 bits and signed; load it into a register with \`ll\``,
    suggestion: wide,
  };
}

const divisor = (imm: number): string | undefined => (imm === 0 ? 'division by zero' : undefined);
const shift =
  (width: number) =>
  (imm: number): string | undefined =>
    imm < 0 || imm >= width ? `shift by ${imm}: a ${width}-bit operation shifts by 0 to ${width - 1}` : undefined;

/** A signed number with its sign apart: `+ 8`. */
const spacedOffset = (value: number): string => (value < 0 ? `- ${-value}` : `+ ${value}`);

function offsetOperand(field: 'off' | 'imm', bits: 16 | 32): Operand {
  return {
    token: 'offset',
    fields: [field],
    print: (insn) => spacedOffset(insn[field]),
    read: ({ number }, insn) => {
      if (BigInt.asIntN(bits, number!) !== number) return { message: `offset ${number} does not fit in ${bits} bits` };
      insn[field] = Number(number);
      return undefined;
    },
  };
}

/** Where a jump goes: `off` reaches 16 bits far, `imm` 32. */
function targetOperand(field: 'off' | 'imm'): Operand {
  return {
    token: 'target',
    fields: [field],
    print: (insn, { label }) => label?.(insn[field]) ?? (insn[field] < 0 ? `${insn[field]}` : `+${insn[field]}`),
    read: (captured, insn, context) => {
      const distance = context.distance(captured);
      if (isProblem(distance)) return distance;
      if (field === 'off' && (distance < -0x8000 || distance > 0x7fff))
        return { message: `the target is ${distance} slots away; a jump reaches 32767`, suggestion: 'gotol' };
      insn[field] = distance;
      return undefined;
    },
  };
}

/** A 64-bit number, of either sign. */
const imm64Operand: Operand = {
  token: 'number',
  fields: ['imm64'],
  print: (insn) => `0x${(insn.imm64 ?? 0n).toString(16)}`,
  read: ({ number }, insn) => {
    if (number! < -(2n ** 63n) || number! >= 2n ** 64n) return { message: `${number} does not fit in 64 bits` };
    insn.imm64 = BigInt.asUintN(64, number!);
    return undefined;
  },
};

/** Index of a map among those the caller gave, of an ld_imm64 that also has an offset. */
const low: Operand = {
  token: 'number',
  fields: ['imm64'],
  print: (insn) => `${BigInt.asUintN(32, insn.imm64 ?? 0n)}`,
  read: ({ number }, insn) => {
    if (number! < 0n || number! >= 2n ** 32n) return { message: `${number} does not fit in 32 bits` };
    insn.imm64 = ((insn.imm64 ?? 0n) & ~0xffff_ffffn) | number!;
    return undefined;
  },
};

/** The words in braces of the forms. A leading `w` is the same register used as 32 bits. */
export const OPERANDS: Readonly<Record<string, Operand>> = {
  dst: registerOperand('dst', 'r'),
  src: registerOperand('src', 'r'),
  wdst: registerOperand('dst', 'w'),
  wsrc: registerOperand('src', 'w'),
  imm: immediate(64),
  imm32: immediate(32),
  divisor: immediate(64, divisor),
  divisor32: immediate(32, divisor),
  shift: immediate(64, shift(64)),
  shift32: immediate(32, shift(32)),
  off: offsetOperand('off', 16),
  immoff: offsetOperand('imm', 32),
  target: targetOperand('off'),
  target32: targetOperand('imm'),
  imm64: imm64Operand,
  low,
  callee: CALLEE,
  map: MAP,
  mapbase: MAP_BASE,
  valueoff: VALUE_OFFSET,
  func: FUNC,
  funcname: FUNC_NAME,
};
