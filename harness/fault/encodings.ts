import type { MachineInsn, Operand } from '../../jit';
import type { Mutation } from './mutation';

type Bytes = NonNullable<Mutation['bytes']>;

/** Other bytes for the instructions that are meant. */
export const encoded =
  (meant: (insn: MachineInsn) => boolean, change: (bytes: Uint8Array, insn: MachineInsn) => Iterable<number>): Bytes =>
  (bytes, insn) =>
    insn.kind === 'insn' && meant(insn) ? Uint8Array.from(change(bytes, insn)) : bytes;

const PREFIXES = [0x65, 0x66, 0xf0, 0xf2, 0xf3];

/** Offset of the REX prefix; -1 without one. */
export function rexAt(bytes: Uint8Array): number {
  const at = bytes.findIndex((byte) => !PREFIXES.includes(byte));
  return (bytes[at]! & 0xf0) === 0x40 ? at : -1;
}

/** Without the REX prefix. */
export const withoutRex = (bytes: Uint8Array): number[] => [...bytes].filter((_, at) => at !== rexAt(bytes));

/** With these bits of the REX prefix cleared: W 8, R 4, X 2, B 1. */
export const clearRex = (bits: number) => (bytes: Uint8Array) =>
  [...bytes].map((byte, at) => (at === rexAt(bytes) ? byte & ~bits : byte));

export const isReg = (operand: Operand | undefined, ...nums: readonly number[]): boolean =>
  operand?.kind === 'reg' && nums.includes(operand.num);

/** The memory operand of an instruction. */
export const memOf = ({ operands }: MachineInsn) => operands.find((operand) => operand.kind === 'mem');
