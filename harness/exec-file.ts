import { JitError, type ProgramType, programErrors, type StackPolicy } from '../jit';
import { sourcePlace } from './examine';
import { type ExecResult, execute } from './exec-requests';
import type { ObjectOptions } from './objects';
import { isIssues, readSources } from './read-program';
import type { Issue } from './spec';

/** What the programs of a file do with a context, in order. */
export type Executed =
  | { readonly ok: true; readonly programs: readonly { readonly name: string; readonly result: ExecResult }[] }
  | { readonly ok: false; readonly issues: readonly Issue[] };

/** Runs the programs of a file (assembly, hex, a spec; `-` is the standard input), each on a copy of the context. */
export function executeFile(
  file: string,
  type: ProgramType,
  context: Uint8Array,
  options: { readonly policy: StackPolicy; readonly seed?: number } & ObjectOptions,
): Executed {
  const read = readSources(file, type, options);
  if (isIssues(read)) return { ok: false, issues: read };
  const programs: { name: string; result: ExecResult }[] = [];
  for (const source of read) {
    const place = (subprog: number, pc: number) => {
      return { file: file === '-' ? '<stdin>' : file, ...source.position(subprog, pc) };
    };
    const issue = (subprog: number, pc: number, message: string): Issue => {
      return { ...place(subprog, pc), path: '', message };
    };
    const errors = programErrors(source.program, source).map(({ subprog, pc, message }) => issue(subprog, pc, message));
    if (errors.length > 0) return { ok: false, issues: errors };
    const how = { ...options, source: (subprog: number, pc: number) => sourcePlace(place(subprog, pc)) };
    try {
      programs.push({ name: source.name, result: execute(source.name, source, [context], how)[0]! });
    } catch (error) {
      if (!(error instanceof JitError)) throw error;
      return { ok: false, issues: [issue(error.subprog, error.pc, error.message)] };
    }
  }
  return { ok: true, programs };
}
