import {
  BPF_ALU,
  BPF_ALU64,
  BPF_ARSH,
  BPF_DIV,
  BPF_K,
  BPF_LSH,
  BPF_MOD,
  BPF_MOV,
  BPF_RSH,
  BPF_X,
  type Insn,
} from '../../jit';

/**
 * What RFC 9669 gives a meaning and Linux refuses, in instructions that Linux takes and that mean the same: shifts by an
 * immediate that is too large use its lower bits, and a division by an immediate of zero gives 0, its remainder the
 * dividend (section 4.1).
 */
const MEANINGS: Readonly<Record<number, (insn: Insn) => Insn>> = Object.fromEntries(
  (
    [
      [BPF_ALU64, 63],
      [BPF_ALU, 31],
    ] as const
  ).flatMap(([kind, mask]) => [
    ...[BPF_LSH, BPF_RSH, BPF_ARSH].map((op) => [
      kind | op | BPF_K,
      (insn: Insn): Insn => ({ ...insn, imm: insn.imm & mask }),
    ]),
    [
      kind | BPF_DIV | BPF_K,
      (insn: Insn): Insn => (insn.imm === 0 ? { ...insn, code: kind | BPF_MOV | BPF_K, off: 0 } : insn),
    ],
    [
      kind | BPF_MOD | BPF_K,
      (insn: Insn): Insn => (insn.imm === 0 ? { ...insn, code: kind | BPF_MOV | BPF_X, src: insn.dst, off: 0 } : insn),
    ],
  ]),
);

/** Each instruction as one that Linux takes, where its meaning is defined. */
export const asDefined = (insns: readonly Insn[]): Insn[] => insns.map((insn) => MEANINGS[insn.code]?.(insn) ?? insn);
