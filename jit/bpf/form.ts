/**
 * One way to write one instruction: the text, and the fields that make it that instruction.
 *
 * Words in braces are operands (operands.ts) and cover fields of the instruction. A field that is neither covered nor
 * given here is reserved and must be zero. So one row says how an instruction is printed, how it is parsed and which
 * of its fields are free.
 */
export interface Form {
  readonly text: string;
  readonly code: number;
  readonly src?: number;
  readonly off?: number;
  readonly imm?: number;
  /** Only the verifier makes this instruction: a program may not contain it. */
  readonly kernel?: true;
  /** Another spelling of an instruction: understood, never printed. */
  readonly alias?: true;
}
