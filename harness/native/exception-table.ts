import { integer, word } from './args';
import { REG } from './registers';

/** An instruction that may fault, and what then happens: arch/x86/mm/extable.c. */
export interface ExceptionTableEntry {
  /** Address of the instruction. */
  readonly insn: bigint;
  /** Where the run goes on: the next instruction. */
  readonly resume: bigint;
  /** General register (hardware number) that a load leaves at 0; null for a store. */
  readonly zero: number | null;
}

const NO_REGISTER = 0xffffffffffffffffn;

/** The table as the addon takes it: see src/extable.c. */
export function tableWords(entries: readonly ExceptionTableEntry[]): BigUint64Array {
  return BigUint64Array.from(
    entries.flatMap(({ insn, resume, zero }) => [
      word(insn, 'insn'),
      word(resume, 'resume'),
      zero === null ? NO_REGISTER : BigInt(integer(zero, 'zero', 0, REG.r15)),
    ]),
  );
}
