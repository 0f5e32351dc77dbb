import { isUtf8 } from 'node:buffer';
import { basename } from 'node:path';
import { type ElfIssue, type ElfProgram, isElf, readObject, type SourceLine } from '../elf';
import type { BodyScope, LoweredBody } from './bodies';
import { MAX_BODY_BYTES, MAX_TYPES_BYTES } from './body-files';
import type { LowerContext } from './context';
import type { Path, Position, SourcePosition } from './issues';
import { parseAsm, printProgram } from './jit';
import type { BodyMap } from './maps';
import { objectMap } from './object-maps';

/** What a body from a file has besides its instructions. */
type FileBody = Omit<LoweredBody, 'throws'> & { readonly attachType?: string | undefined };

/** Where something in an object is: the line of C, else the place in the object. */
export function objectPosition(file: string, place: string, line: SourceLine | undefined): SourcePosition {
  if (line) return { file: line.file, line: line.line, column: line.column, text: line.text };
  return { file, line: 1, column: 1, place };
}

/** What is wrong with an object, as specs and commands say it. */
export const objectHints = ({ message, source, ...hints }: ElfIssue) => ({
  ...hints,
  message: source ? `${message} (${source.file}:${source.line}: ${source.text})` : message,
});

/** Positions of all instructions of a program. */
export const objectSources = ({ sources, places }: ElfProgram, file: string): SourcePosition[][] =>
  sources.map((lines, s) => lines.map((line, i) => objectPosition(file, places[s]![i]!, line)));

/** A body from a file: assembly, or one program of an object. */
export function lowerFile(written: string, path: Path, scope: BodyScope, context: LowerContext): FileBody | undefined {
  const read = context.files.read(written, MAX_BODY_BYTES);
  if (!read.ok) return context.report(path, read.message, read);
  const { file, bytes } = read;
  if (isElf(bytes)) return lowerObject(file, bytes, path, scope, context);
  for (const key of ['section', 'btf'] as const) {
    if (scope[key] === undefined) continue;
    context.reportKey([...path.slice(0, -1), key], `${file} is no object`, { expected: `no \`${key}\`` });
  }
  if (bytes.includes(0) || !isUtf8(bytes)) {
    return context.report(path, `${file} is a binary file`, { expected: 'assembly, or a BPF object' });
  }
  return lowerText(file, new TextDecoder().decode(bytes), path, scope, context);
}

const NOTHING = { labels: [], ownMaps: [], flagged: { asyncCallbacks: [] } } as const;

function lowerText(
  file: string,
  text: string,
  path: Path,
  scope: BodyScope,
  context: LowerContext,
): FileBody | undefined {
  const parsed = parseAsm(text, scope);
  const at = ({ line, column }: { line: number; column: number }): Position => ({ file, line, column });
  if (!parsed.ok) {
    for (const error of parsed.errors) context.reportAt(at(error), path, error.message);
    return undefined;
  }
  const { program, source } = parsed;
  const sources = source.subprogs.map(({ insns }) => insns.map(at));
  return { ...NOTHING, program, sources, labels: source.subprogs.map(({ labels }) => labels), text };
}

/** The types that an object adapts to: those of a file that the spec names, else those of the running kernel. */
function kernelTypes({ btf }: BodyScope, path: Path, context: LowerContext): () => Uint8Array | undefined {
  return () => {
    if (btf === undefined) return context.files.kernelTypes();
    const read = context.files.read(btf, MAX_TYPES_BYTES);
    if (read.ok) return read.bytes;
    return context.report([...path.slice(0, -1), 'btf'], read.message, read);
  };
}

function lowerObject(
  file: string,
  bytes: Uint8Array,
  path: Path,
  scope: BodyScope,
  context: LowerContext,
): FileBody | undefined {
  const at = { file, line: 1, column: 1 };
  const before = context.issues.length;
  const { section, type } = scope;
  const read = readObject(bytes, { section, type, kernelTypes: kernelTypes(scope, path, context) });
  if (!read.ok) {
    // Types that cannot be read are told already.
    if (context.issues.length > before) return undefined;
    for (const issue of read.issues.map(objectHints)) context.reportAt(at, [], issue.message, issue);
    return undefined;
  }
  const [chosen, ...others] = read.object.programs;
  if (!chosen || others.length > 0) {
    const expected = `\`section\`: ${read.object.programs.map(({ name }) => name).join(', ')}`;
    return context.report(path, `${basename(file)} has ${others.length + 1} programs`, { expected });
  }
  const { program, attachType, exceptionCallback } = chosen;
  const maps = read.object.maps.filter(({ name }) => program.maps.includes(name)).map((map) => objectMap(map, file));
  for (const map of maps) if ('problem' in map) context.reportAt(at, [], map.problem);
  const caught = exceptionCallback === undefined ? undefined : program.subprogs[exceptionCallback]!.name;
  return {
    ...NOTHING,
    program,
    sources: objectSources(chosen, file),
    ownMaps: maps.filter((map): map is BodyMap => 'size' in map),
    flagged: { ...NOTHING.flagged, ...(caught !== undefined && { exceptionCallback: caught }) },
    attachType,
    text: printProgram(program),
  };
}
