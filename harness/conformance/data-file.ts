import { basename } from 'node:path';
import { encodeInsns, type Insn, loadProgram, type Program } from '../../jit';
import { assemble } from './assembly';
import { asDefined } from './defined';
import type { DataError } from './position';
import { type Sections, splitSections } from './sections';
import { readMemory, readRaw, readResult } from './values';

/** What a case says about its outcome: r0, or that the program must fail, with the text it was once seen to fail with. */
export type Expected = { readonly result: bigint } | { readonly error: string };

/** A test of the bpf_conformance suite. */
export interface ConformanceCase {
  /** Of the file, without its ending. */
  readonly name: string;
  readonly file: string;
  /** Null where a loader refuses the instructions. */
  readonly program: Program | null;
  /** Why there is no program. */
  readonly refusal: string | null;
  /** The instructions as the file has them. */
  readonly insns: readonly Insn[];
  /** What r1 points to; r2 is its length. */
  readonly memory: Uint8Array;
  /** Null where the file does not say. */
  readonly expected: Expected | null;
  /** Where the instructions begin. */
  readonly position: { readonly line: number; readonly column: number };
}

export type DataFileResult =
  | { readonly ok: true; readonly case: ConformanceCase }
  | { readonly ok: false; readonly errors: readonly DataError[] };

/** The instructions and where they come from: `-- raw` before `-- asm`, which then is a comment on it. */
function readInsns({ sections }: Sections) {
  const raw = sections.get('raw');
  if (raw && raw.lines.length > 0) {
    const { value, errors } = readRaw(raw.lines);
    return { ...value, errors, start: raw.lines[0]!.line };
  }
  const asm = sections.get('asm');
  const missing = { line: asm?.line ?? 1, column: 1, message: 'there are no instructions: `-- asm` or `-- raw`' };
  if (!asm || asm.lines.length === 0) return { insns: [], lines: [], errors: [missing], start: 1 };
  return { ...assemble(asm.lines), start: asm.lines[0]!.line };
}

/** A program as Linux would take it, or why it would not. */
function load(insns: readonly Insn[], lines: readonly number[]): { program: Program | null; refusal: string | null } {
  const loaded = loadProgram(encodeInsns(asDefined(insns)));
  if (loaded.ok) return { program: loaded.program, refusal: null };
  const { index, text, message } = loaded.errors[0]!;
  const line = lineOf(index, insns, lines);
  return { program: null, refusal: `line ${line}: ${text === '' ? message : `${text}: ${message}`}` };
}

/** The line of the instruction at a slot. */
function lineOf(slot: number, insns: readonly Insn[], lines: readonly number[]): number {
  let next = 0;
  const i = insns.findIndex(({ imm64 }) => (next += imm64 === undefined ? 1 : 2) > slot);
  return lines[i < 0 ? lines.length - 1 : i]!;
}

/** An error that is named goes before a result: runtimes that report none give some result instead. */
function expectedOf({ sections }: Sections, result: bigint | undefined): Expected | null {
  const error = sections.get('error');
  const text = error?.lines[0]?.text.trim() ?? '';
  if (text !== '') return { error: text };
  if (result !== undefined) return { result };
  return error ? { error: '' } : null;
}

/** Reads a `.data` file of the bpf_conformance suite. */
export function parseDataFile(text: string, file: string): DataFileResult {
  const split = splitSections(text);
  const { insns, lines, errors: wrong, start } = readInsns(split);
  const memory = readMemory(split.sections.get('mem')?.lines ?? []);
  const result = readResult(split.sections.get('result')?.lines ?? []);
  const errors = [...split.errors, ...wrong, ...memory.errors, ...result.errors];
  if (errors.length > 0) return { ok: false, errors: errors.sort((a, b) => a.line - b.line || a.column - b.column) };
  const expected = expectedOf(split, result.value);
  const name = basename(file).replace(/\.data$/, '');
  const position = { line: start, column: 1 };
  return { ok: true, case: { name, file, ...load(insns, lines), insns, memory: memory.value, expected, position } };
}
