import type { Insn } from './insn';
import type { HelperTable, NameTable } from './names';
import type { Captured, TokenClass } from './tokens';

export type Field = 'dst' | 'src' | 'off' | 'imm' | 'imm64';

/** What is wrong with an operand; the parser knows where. */
export interface Problem {
  readonly message: string;
  readonly expected?: readonly string[];
  readonly suggestion?: string;
}

/** An instruction being read. */
export type Draft = { -readonly [F in keyof Insn]: Insn[F] };

/** Names for numbers, and labels for jumps. */
export interface PrintContext extends NameTable {
  /** The label at a distance of so many slots behind the instruction, if there is one. */
  readonly label?: (distance: number) => string | undefined;
}

/** What an instruction may contain. */
export interface Rules {
  readonly helpers: HelperTable;
  /** Allows what only the verifier makes. */
  readonly verifierMade: boolean;
  /** Takes calls and addresses as resolved. */
  readonly kernelInternal: boolean;
  /** How many there are of each; any number is taken where undefined. */
  readonly kfuncs?: number;
  readonly subprogs?: number;
  readonly maps?: number;
}

/** How a parser resolves names while it reads one instruction. Each returns a problem when it cannot. */
export interface ReadContext {
  readonly rules: Rules;
  /** The line is a copy of the kernel's output, which shows immediates of 64-bit jumps as 32 unsigned bits. */
  readonly dump: boolean;
  /** Distance in slots from the next instruction. */
  readonly distance: (captured: Captured) => number | Problem;
  /** Sets `src` and `imm` of a call. */
  readonly callee: (captured: Captured) => { src: number; imm: number } | Problem;
  readonly subprog: (captured: Captured) => number | Problem;
  readonly map: (captured: Captured) => number | Problem;
}

/** A word in braces of a form: which fields it covers, how it is printed, read and checked. */
export interface Operand {
  readonly token: TokenClass;
  readonly fields: readonly Field[];
  readonly print: (insn: Insn, context: PrintContext) => string;
  /** Sets the fields; what {@link check} finds need not be found here. */
  readonly read: (captured: Captured, insn: Draft, context: ReadContext) => Problem | undefined;
  /** What is wrong with the fields' values, if anything. */
  readonly check?: (insn: Insn, rules: Rules) => string | undefined;
}

export const isProblem = (value: unknown): value is Problem =>
  typeof value === 'object' && value !== null && 'message' in value;
