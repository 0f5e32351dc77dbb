import {
  BPF_ADDR_PERCPU,
  BPF_ADDR_SPACE_CAST,
  BPF_ALU,
  BPF_ALU64,
  BPF_END,
  BPF_K,
  BPF_MOV,
  BPF_NEG,
  BPF_TO_BE,
  BPF_TO_LE,
  BPF_X,
  type Insn,
} from '../../jit';
import { ALU32, ALU64, type Binary32, type Binary64, SIGNED_ALU32, SIGNED_ALU64, swapBytes } from './arithmetic';
import { extended, type Step, type StepMaker } from './step';

/** The operation for each value of `off` that has one. */
const by = <T>(plain: T | undefined, signed: T | undefined, { off }: Insn): T | undefined =>
  off === 0 ? plain : off === 1 ? signed : undefined;

function alu64Register(operation: Binary64, { dst, src }: Insn, next: number): Step {
  return ({ regs }) => {
    regs[dst] = operation(regs[dst]!, regs[src]!);
    return next;
  };
}

function alu64Immediate(operation: Binary64, { dst, imm }: Insn, next: number): Step {
  const operand = extended(imm);
  return ({ regs }) => {
    regs[dst] = operation(regs[dst]!, operand);
    return next;
  };
}

/** 32-bit operations clear the upper half (RFC 9669 section 4.1). */
function alu32Register(operation: Binary32, insn: Insn, next: number): Step {
  const dst = 2 * insn.dst;
  const src = 2 * insn.src;
  return ({ words }) => {
    words[dst] = operation(words[dst]!, words[src]!);
    words[dst + 1] = 0;
    return next;
  };
}

function alu32Immediate(operation: Binary32, insn: Insn, next: number): Step {
  const dst = 2 * insn.dst;
  const operand = insn.imm >>> 0;
  return ({ words }) => {
    words[dst] = operation(words[dst]!, operand);
    words[dst + 1] = 0;
    return next;
  };
}

const unary =
  (operation: (value: bigint) => bigint) =>
  ({ dst }: Insn, next: number): Step =>
  ({ regs }) => {
    regs[dst] = operation(regs[dst]!);
    return next;
  };

/** From `src`, which may be where the result goes. */
const move =
  (operation: (value: bigint) => bigint) =>
  ({ dst, src }: Insn, next: number): Step =>
  ({ regs }) => {
    regs[dst] = operation(regs[src]!);
    return next;
  };

const u32 = (value: bigint): bigint => BigInt.asUintN(32, value);

const toKernel: StepMaker = move(u32);

/** The user's address: the upper half of its base with the lower half of the pointer, but null stays null. */
const toUser: StepMaker = ({ dst, src }, next) => {
  return ({ regs, arena }) => {
    const offset = u32(regs[src]!);
    regs[dst] = offset === 0n ? 0n : (((arena?.userBase ?? 0n) >> 32n) << 32n) | offset;
    return next;
  };
};

const toThisCpu: StepMaker = ({ dst, src }, next) => {
  return ({ regs, percpu }) => {
    regs[dst] = percpu(regs[src]!);
    return next;
  };
};

/** Register moves with an `off`, by `off`: sign extension (RFC 9669 section 4.1) and the kernel's own. */
const MOVES64: Readonly<Record<number, StepMaker>> = {
  8: move((value) => BigInt.asIntN(8, value)),
  16: move((value) => BigInt.asIntN(16, value)),
  32: move((value) => BigInt.asIntN(32, value)),
  // The upper half of `imm` is the new address space, the lower half the old one.
  [BPF_ADDR_SPACE_CAST]: (insn, ...rest) => (insn.imm === 1 ? toKernel : toUser)(insn, ...rest),
  [BPF_ADDR_PERCPU]: toThisCpu,
};

const MOVES32: Readonly<Record<number, StepMaker>> = {
  8: move((value) => u32(BigInt.asIntN(8, value))),
  16: move((value) => u32(BigInt.asIntN(16, value))),
};

const truncations: Readonly<Record<number, StepMaker>> = Object.fromEntries(
  [16, 32, 64].map((bits) => [bits, unary((value) => BigInt.asUintN(bits, value))]),
);
const swaps: Readonly<Record<number, StepMaker>> = Object.fromEntries(
  [16, 32, 64].map((bits) => [bits, unary((value) => swapBytes(value, bits))]),
);

/** By `imm` (RFC 9669 section 4.2). We are little endian: to little endian only truncates. */
const byWidth =
  (makers: Readonly<Record<number, StepMaker>>): StepMaker =>
  (insn, ...rest) =>
    makers[insn.imm]?.(insn, ...rest);

/** Opcodes that are not an operation on two operands of one kind. */
const OWN: Readonly<Record<number, StepMaker>> = {
  [BPF_ALU64 | BPF_NEG]: unary((value) => -value),
  [BPF_ALU | BPF_NEG]: unary((value) => u32(-value)),
  [BPF_ALU | BPF_END | BPF_TO_LE]: byWidth(truncations),
  [BPF_ALU | BPF_END | BPF_TO_BE]: byWidth(swaps),
  [BPF_ALU64 | BPF_END]: byWidth(swaps),
};

const register64: StepMaker = (insn, next, resolver) => {
  const op = insn.code & 0xf0;
  if (op === BPF_MOV && insn.off !== 0) return MOVES64[insn.off]?.(insn, next, resolver);
  const operation = by(ALU64[op], SIGNED_ALU64[op], insn);
  return operation && alu64Register(operation, insn, next);
};

const immediate64: StepMaker = (insn, next) => {
  const op = insn.code & 0xf0;
  const operation = by(ALU64[op], SIGNED_ALU64[op], insn);
  return operation && alu64Immediate(operation, insn, next);
};

const register32: StepMaker = (insn, next, resolver) => {
  const op = insn.code & 0xf0;
  if (op === BPF_MOV && insn.off !== 0) return MOVES32[insn.off]?.(insn, next, resolver);
  const operation = by(ALU32[op], SIGNED_ALU32[op], insn);
  return operation && alu32Register(operation, insn, next);
};

const immediate32: StepMaker = (insn, next) => {
  const op = insn.code & 0xf0;
  const operation = by(ALU32[op], SIGNED_ALU32[op], insn);
  return operation && alu32Immediate(operation, insn, next);
};

const KINDS = [
  [BPF_ALU64 | BPF_X, register64],
  [BPF_ALU64 | BPF_K, immediate64],
  [BPF_ALU | BPF_X, register32],
  [BPF_ALU | BPF_K, immediate32],
] as const;

/** Arithmetic and moves, by opcode. */
export const ALU_STEPS: Readonly<Record<number, StepMaker>> = {
  ...Object.fromEntries(
    KINDS.flatMap(([kind, maker]) => Object.keys(ALU64).map((op) => [kind | Number(op), maker] as const)),
  ),
  ...OWN,
};
