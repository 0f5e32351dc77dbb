import { isUtf8 } from 'node:buffer';
import { readFileSync, statSync } from 'node:fs';
import { type Arena, type AsmError, type Program, type ProgramType, parseAsm, pcsOf } from '../jit';
import { arenaOfMaps, hasArena } from './arena';
import type { InitialMap } from './build';
import { type ElfMap, isElf } from './elf';
import { type ObjectOptions, readObjectSources } from './objects';
import { type Issue, type Loaded, loadFiles, lowerSpec, parseSpecText, type SourcePosition } from './spec';
import { parseHexText } from './spec/hex-text';

/** A program as it was written, and where each instruction stands. */
export interface Source {
  readonly name: string;
  readonly program: Program;
  readonly type: ProgramType;
  readonly attachType: string | undefined;
  /** Its arena, and the name of the arena's map: only specs have them. */
  readonly arena?: Arena;
  readonly arenaMap?: string;
  /** Subprogs, by index; only a spec says which they are. */
  readonly exceptionCallback: number | undefined;
  readonly asyncCallbacks: readonly number[];
  /** Maps with what they begin with: only objects have them. */
  readonly maps?: readonly InitialMap[];
  /** Those maps as an object declares them. */
  readonly declaredMaps?: readonly ElfMap[];
  /** Of compiled code the line of C, in another file. */
  position(subprog: number, pc: number): Omit<SourcePosition, 'file'> & { readonly file?: string };
}

const HEX = /^[0-9a-f\s]+$/i;
/** The keys that no spec can be without, at the beginning of lines: neither is a statement of BPF assembly. */
const isSpec = (text: string): boolean => /^name:/m.test(text) && /^programs:/m.test(text);
const EXPECTED = 'assembly, hex, a spec or a BPF object';
/** Largest text; a spec has a limit of its own. */
const MAX_TEXT_BYTES = 8 << 20;
/** More is said about one mistake than helps. */
const MAX_ISSUES = 20;

const fileIssue = (file: string, message: string, expected?: string): Issue => {
  return { file, line: 1, column: 1, path: '', message, ...(expected !== undefined && { expected }) };
};

const cut = (issues: readonly Issue[]): Issue[] => {
  if (issues.length <= MAX_ISSUES) return [...issues];
  const { file } = issues[0]!;
  return [...issues.slice(0, MAX_ISSUES), fileIssue(file, `${issues.length - MAX_ISSUES} more issues in this file`)];
};

/** What an error of the assembler expected: unless it says so itself, or it is too much to read. */
function hints({ message, expected, suggestion }: AsmError): object {
  const told = message.includes('expected') || expected === undefined || expected.length > 8;
  return {
    ...(!told && { expected: expected.join(', ') }),
    ...(suggestion !== undefined && !message.includes('did you mean') && { suggestion }),
  };
}

/** Assembly or hex as a program. */
function readText(text: string, file: string, type: ProgramType): Source | Issue[] {
  const bare = text.replace(/(#|\/\/).*$/gm, '');
  if (bare.trim() === '') return [fileIssue(file, 'the file is empty', EXPECTED)];
  const shared = { name: 'prog', type, attachType: undefined, exceptionCallback: undefined, asyncCallbacks: [] };
  if (HEX.test(bare)) {
    const parsed = parseHexText(text, { name: 'prog' });
    if (!parsed.ok) return cut(parsed.errors.map((error) => ({ file, path: '', ...error }) as Issue));
    const { program, places } = parsed;
    return { ...shared, program, position: (subprog, pc) => placeAt(program, places, subprog, pc) };
  }
  const parsed = parseAsm(text, { name: 'prog' });
  if (!parsed.ok) {
    return cut(
      parsed.errors.map((error) => {
        const { line, column, message } = error;
        return { file, line, column, path: '', message, ...hints(error) };
      }),
    );
  }
  const { program, source } = parsed;
  const places = source.subprogs.map(({ insns }) => insns);
  return { ...shared, program, position: (subprog, pc) => placeAt(program, places, subprog, pc) };
}

interface TextPlace {
  readonly line: number;
  readonly column: number;
}

/** Where the instruction at a pc stands. */
function placeAt(program: Program, places: readonly (readonly TextPlace[])[], subprog: number, pc: number): TextPlace {
  const { line, column } = places[subprog]?.[pcsOf(program.subprogs[subprog]!.insns).indexOf(pc)] ?? {
    line: 1,
    column: 1,
  };
  return { line, column };
}

/** The programs of a file; `-` is the standard input. */
export function readSources(file: string, type: ProgramType, options: ObjectOptions = {}): Source[] | Issue[] {
  if (/\.ya?ml$/.test(file)) return lowerAll(loadFiles([file]));
  const shown = file === '-' ? '<stdin>' : file;
  let bytes: Buffer;
  try {
    if (file !== '-' && statSync(file).isDirectory()) return [fileIssue(shown, 'a directory', EXPECTED)];
    bytes = readFileSync(file === '-' ? 0 : file);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return [fileIssue(shown, code === 'ENOENT' ? 'no such file' : `cannot be read: ${message}`)];
  }
  if (bytes.length > MAX_TEXT_BYTES) {
    return [fileIssue(shown, `the file has ${bytes.length} bytes`, `at most ${MAX_TEXT_BYTES} bytes (8 MiB)`)];
  }
  if (isElf(bytes)) return readObjectSources(shown, bytes, type, options);
  if (bytes.includes(0) || !isUtf8(bytes)) return [fileIssue(shown, 'a binary file', EXPECTED)];
  const text = new TextDecoder().decode(bytes);
  if (isSpec(text)) return lowerAll(parseSpecText(text, shown));
  const read = readText(text, shown, type);
  return Array.isArray(read) ? read : [read];
}

/** The programs of specs. */
function lowerAll({ specs, issues }: Loaded): Source[] | Issue[] {
  const found = [...issues];
  const sources: Source[] = [];
  for (const loaded of specs) {
    const lowered = lowerSpec({ ...loaded, spec: { ...loaded.spec, policies: [], expect: {} } }, { policies: [] });
    if (!lowered.ok) found.push(...lowered.issues);
    else {
      const { programs, maps } = lowered.value[0]!;
      const data = arenaOfMaps(maps);
      for (const each of programs) {
        const { name, program, type, attachType, exceptionCallback, asyncCallbacks, sources: places } = each;
        const arena = data && hasArena(program, data) ? { arena: data.place, arenaMap: data.name } : {};
        const several = specs.filter(({ spec }) => Object.hasOwn(spec.programs, name)).length > 1;
        const shown = several ? `${name} of ${JSON.stringify(loaded.spec.name)}` : name;
        const position = (subprog: number, pc: number) => placeAt(program, places, subprog, pc);
        const callbacks = { exceptionCallback, asyncCallbacks };
        sources.push({ name: shown, program, type, attachType, ...callbacks, position, ...arena });
      }
    }
  }
  return found.length > 0 ? found : sources;
}

export const isIssues = (read: Source[] | Issue[]): read is Issue[] => read.length > 0 && 'message' in read[0]!;
