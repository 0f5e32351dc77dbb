import { type AsmSource, assemble, type ParseOptions } from './assemble';
import type { AsmError } from './lexer';
import type { Program } from './program';
import { readStatements } from './statements';

/** Errors reported of one text; a text that is no program at all would have one for each line. */
const MAX_ERRORS = 100;

export type ParseResult =
  | { readonly ok: true; readonly program: Program; readonly source: AsmSource }
  | { readonly ok: false; readonly errors: readonly AsmError[] };

/**
 * Reads a program in the dialect that the kernel's verifier, bpftool and llvm-objdump print (kernel/bpf/disasm.c,
 * llvm/lib/Target/BPF).
 *
 * A label is a subprog if the text begins with it, if it is called, if its address is taken (`func[name]`), or if
 * `.func` or `.global` names it; any other label belongs to the subprog in which it stands. A program that is returned
 * is well-formed in the sense of validateProgram().
 *
 * @returns the program and where its parts stand in the text, or its errors (at most 100), in the order of the text.
 */
export function parseAsm(text: string, options: ParseOptions = {}): ParseResult {
  const { statements, errors } = readStatements(text);
  const result = assemble(statements, options, errors.length === 0);
  if (errors.length === 0 && 'program' in result) return { ok: true, ...result };
  const all = 'errors' in result ? [...errors, ...result.errors] : errors;
  all.sort((a, b) => a.line - b.line || a.column - b.column);
  return { ok: false, errors: all.slice(0, MAX_ERRORS) };
}
