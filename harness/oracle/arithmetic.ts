import {
  BPF_ADD,
  BPF_AND,
  BPF_ARSH,
  BPF_DIV,
  BPF_LSH,
  BPF_MOD,
  BPF_MOV,
  BPF_MUL,
  BPF_OR,
  BPF_RSH,
  BPF_SUB,
  BPF_XOR,
} from '../../jit';

/**
 * Arithmetic as RFC 9669 section 4.1 defines it. 64-bit operands are unsigned bigints and a result is taken modulo 2^64 by
 * whoever stores it; 32-bit operands are unsigned numbers and a result is taken modulo 2^32.
 */
export type Binary64 = (dst: bigint, operand: bigint) => bigint;
export type Binary32 = (dst: number, operand: number) => number;

const signed = (value: bigint): bigint => BigInt.asIntN(64, value);

export const ALU64: Readonly<Record<number, Binary64>> = {
  [BPF_ADD]: (dst, operand) => dst + operand,
  [BPF_SUB]: (dst, operand) => dst - operand,
  [BPF_MUL]: (dst, operand) => dst * operand,
  // By zero: division gives 0, the remainder leaves the destination alone.
  [BPF_DIV]: (dst, operand) => (operand === 0n ? 0n : dst / operand),
  [BPF_MOD]: (dst, operand) => (operand === 0n ? dst : dst % operand),
  [BPF_OR]: (dst, operand) => dst | operand,
  [BPF_AND]: (dst, operand) => dst & operand,
  [BPF_XOR]: (dst, operand) => dst ^ operand,
  // Shift counts use the lower 6 bits.
  [BPF_LSH]: (dst, operand) => dst << (operand & 63n),
  [BPF_RSH]: (dst, operand) => dst >> (operand & 63n),
  [BPF_ARSH]: (dst, operand) => signed(dst) >> (operand & 63n),
  [BPF_MOV]: (_, operand) => operand,
};

/** `off` 1: signed, truncated toward zero. The smallest number divided by -1 overflows to itself, its remainder is 0. */
export const SIGNED_ALU64: Readonly<Record<number, Binary64>> = {
  [BPF_DIV]: (dst, operand) => (operand === 0n ? 0n : signed(dst) / signed(operand)),
  [BPF_MOD]: (dst, operand) => (operand === 0n ? dst : signed(dst) % signed(operand)),
};

export const ALU32: Readonly<Record<number, Binary32>> = {
  [BPF_ADD]: (dst, operand) => dst + operand,
  [BPF_SUB]: (dst, operand) => dst - operand,
  [BPF_MUL]: Math.imul,
  [BPF_DIV]: (dst, operand) => (operand === 0 ? 0 : Math.trunc(dst / operand)),
  [BPF_MOD]: (dst, operand) => (operand === 0 ? dst : dst % operand),
  [BPF_OR]: (dst, operand) => dst | operand,
  [BPF_AND]: (dst, operand) => dst & operand,
  [BPF_XOR]: (dst, operand) => dst ^ operand,
  // JavaScript's shifts use the lower 5 bits of the count, as BPF's do.
  [BPF_LSH]: (dst, operand) => dst << operand,
  [BPF_RSH]: (dst, operand) => dst >>> operand,
  [BPF_ARSH]: (dst, operand) => dst >> operand,
  [BPF_MOV]: (_, operand) => operand,
};

export const SIGNED_ALU32: Readonly<Record<number, Binary32>> = {
  [BPF_DIV]: (dst, operand) => (operand === 0 ? 0 : (dst | 0) / (operand | 0)),
  [BPF_MOD]: (dst, operand) => (operand === 0 ? dst : (dst | 0) % (operand | 0)),
};

/** The lower `bits`, their bytes reversed (RFC 9669 section 4.2). */
export function swapBytes(value: bigint, bits: number): bigint {
  let swapped = 0n;
  for (let at = 0; at < bits; at += 8) swapped = (swapped << 8n) | ((value >> BigInt(at)) & 0xffn);
  return swapped;
}
