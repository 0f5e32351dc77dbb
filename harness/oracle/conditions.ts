import {
  BPF_JEQ,
  BPF_JGE,
  BPF_JGT,
  BPF_JLE,
  BPF_JLT,
  BPF_JNE,
  BPF_JSET,
  BPF_JSGE,
  BPF_JSGT,
  BPF_JSLE,
  BPF_JSLT,
} from '../../jit';

/** Whether a conditional jump is taken (RFC 9669 section 4.3). Operands are unsigned. */
export type Condition64 = (dst: bigint, operand: bigint) => boolean;
export type Condition32 = (dst: number, operand: number) => boolean;

const signed = (value: bigint): bigint => BigInt.asIntN(64, value);

export const JMP64: Readonly<Record<number, Condition64>> = {
  [BPF_JEQ]: (dst, operand) => dst === operand,
  [BPF_JNE]: (dst, operand) => dst !== operand,
  [BPF_JGT]: (dst, operand) => dst > operand,
  [BPF_JGE]: (dst, operand) => dst >= operand,
  [BPF_JLT]: (dst, operand) => dst < operand,
  [BPF_JLE]: (dst, operand) => dst <= operand,
  [BPF_JSGT]: (dst, operand) => signed(dst) > signed(operand),
  [BPF_JSGE]: (dst, operand) => signed(dst) >= signed(operand),
  [BPF_JSLT]: (dst, operand) => signed(dst) < signed(operand),
  [BPF_JSLE]: (dst, operand) => signed(dst) <= signed(operand),
  [BPF_JSET]: (dst, operand) => (dst & operand) !== 0n,
};

export const JMP32: Readonly<Record<number, Condition32>> = {
  [BPF_JEQ]: (dst, operand) => dst === operand,
  [BPF_JNE]: (dst, operand) => dst !== operand,
  [BPF_JGT]: (dst, operand) => dst > operand,
  [BPF_JGE]: (dst, operand) => dst >= operand,
  [BPF_JLT]: (dst, operand) => dst < operand,
  [BPF_JLE]: (dst, operand) => dst <= operand,
  [BPF_JSGT]: (dst, operand) => (dst | 0) > (operand | 0),
  [BPF_JSGE]: (dst, operand) => (dst | 0) >= (operand | 0),
  [BPF_JSLT]: (dst, operand) => (dst | 0) < (operand | 0),
  [BPF_JSLE]: (dst, operand) => (dst | 0) <= (operand | 0),
  [BPF_JSET]: (dst, operand) => (dst & operand) !== 0,
};
