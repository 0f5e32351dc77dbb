import { closeSync, openSync, readSync } from 'node:fs';
import { basename } from 'node:path';
import { type Program, type ProgramType, pcsOf } from '../jit';
import { type ElfMap, type ElfOptions, type ElfProgram, isElf, readObject } from './elf';
import type { Source } from './read-program';
import {
  type BodyFiles,
  type BodyMap,
  type Issue,
  impliedSpec,
  type Loaded,
  loadFiles,
  MAX_TYPES_BYTES,
  objectHints,
  objectMap,
  objectSources,
  readBytes,
  runningKernelTypes,
  type SourcePosition,
} from './spec';

/** What a command line says about objects. */
export interface ObjectOptions {
  /** Only programs of this section, or of this name. */
  readonly section?: string | undefined;
  /** A file with the BTF of a kernel. Default: that of the running one. */
  readonly btf?: string | undefined;
}

/** Largest object: a command reads one at a time, and what holds a program is far smaller. */
const MAX_OBJECT_BYTES = 8 << 20;

/** Whether a path is a file that begins as an ELF file does, and does not call itself a spec. */
export function isObjectFile(path: string): boolean {
  if (/\.ya?ml$/.test(path)) return false;
  const start = new Uint8Array(4);
  try {
    const fd = openSync(path, 'r');
    try {
      return readSync(fd, start) === start.length && isElf(start);
    } finally {
      closeSync(fd);
    }
  } catch {
    return false;
  }
}

const issueOf = (file: string, message: string, rest: Partial<Issue> = {}): Issue => {
  return { file, line: 1, column: 1, path: '', ...rest, message };
};

interface Read {
  readonly programs: readonly ElfProgram[];
  readonly maps: ReadonlyMap<string, BodyMap>;
  /** As the object declares them. */
  readonly declared: ReadonlyMap<string, ElfMap>;
}

/** The programs of an object, and its maps as a world begins with them. */
function read(file: string, bytes: Uint8Array, type: ProgramType, { section, btf }: ObjectOptions): Read | Issue[] {
  const types = btf === undefined ? undefined : readBytes(btf, MAX_TYPES_BYTES);
  if (types && !(types instanceof Uint8Array)) return [issueOf(btf!, types.message, types)];
  const options: ElfOptions = { section, type, kernelTypes: () => types ?? runningKernelTypes() };
  const result = readObject(bytes, options);
  if (!result.ok) return result.issues.map(objectHints).map(({ message, ...hints }) => issueOf(file, message, hints));
  const { programs, maps } = result.object;
  const used = new Set(programs.flatMap(({ program }) => program.maps));
  const made = maps.filter(({ name }) => used.has(name)).map((map) => objectMap(map, file));
  const issues = made.flatMap((map) => ('problem' in map ? [issueOf(file, map.problem)] : []));
  if (issues.length > 0) return issues;
  const declared = new Map(maps.map((map) => [map.name, map]));
  return { programs, declared, maps: new Map(made.map((map) => [(map as BodyMap).name, map as BodyMap])) };
}

/** Where the instruction at a pc is written. */
const positionIn =
  ({ subprogs }: Program, positions: readonly (readonly SourcePosition[])[]) =>
  (subprog: number, pc: number): SourcePosition =>
    positions[subprog]![Math.max(0, pcsOf(subprogs[subprog]!.insns).indexOf(pc))]!;

/** The programs of an object, each with its maps. */
export function readObjectSources(
  file: string,
  bytes: Uint8Array,
  type: ProgramType,
  options: ObjectOptions,
): Source[] | Issue[] {
  const found = read(file, bytes, type, options);
  if (Array.isArray(found)) return found;
  return found.programs.map((each): Source => {
    const { name, program, type, attachType, exceptionCallback, asyncCallbacks } = each;
    return {
      name,
      program,
      type,
      attachType,
      exceptionCallback,
      asyncCallbacks,
      maps: program.maps.map((map) => {
        const { init, ...made } = found.maps.get(map)!;
        return { ...made, init: init ?? new Uint8Array(made.size) };
      }),
      declaredMaps: program.maps.map((map) => found.declared.get(map)!),
      position: positionIn(program, objectSources(each, file)),
    };
  });
}

/** Names of programs are those of C functions, with or without a file's own. */
const specName = (file: string, program: string): string => `${basename(file)}: ${program}`;

/** A spec for each program of an object: it runs on a context of zeros, and holds under the default policies. */
export function specsOfObject(path: string, options: ObjectOptions): Loaded {
  const bytes = readBytes(path, MAX_OBJECT_BYTES);
  if (!(bytes instanceof Uint8Array)) return { specs: [], issues: [issueOf(path, bytes.message, bytes)] };
  const found = read(path, bytes, 'kprobe', options);
  if (Array.isArray(found)) return { specs: [], issues: found };
  const { btf } = options;
  const files: BodyFiles = {
    read(written, limit) {
      const file = readBytes(written, Math.max(limit, MAX_OBJECT_BYTES));
      return file instanceof Uint8Array ? { ok: true, file: written, bytes: file } : { ok: false, ...file };
    },
    kernelTypes: runningKernelTypes,
  };
  const specs = found.programs.map(({ name, type }) => {
    const program = { type, file: path, section: name, ...(btf !== undefined && { btf }) };
    return impliedSpec({ name: specName(path, name), programs: { [name]: program } }, path, files);
  });
  return { specs, issues: [] };
}

/** Specs from files and folders, and those that the programs of objects amount to. */
export function loadAll(paths: readonly string[], options: ObjectOptions): Loaded {
  const objects = new Set(paths.filter(isObjectFile));
  const written = paths.filter((path) => !objects.has(path));
  const loaded = [
    ...(written.length > 0 || paths.length === 0 ? [loadFiles(written)] : []),
    ...[...objects].map((path) => specsOfObject(path, options)),
  ];
  return { specs: loaded.flatMap(({ specs }) => specs), issues: loaded.flatMap(({ issues }) => issues) };
}

const quote = (text: string): string => (/^[\w./:@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);

/** What a command that shows a case again needs of them: what else is in an object may be wrong. */
export function objectArguments({ section, btf }: ObjectOptions = {}): string {
  const written = Object.entries({ section, btf }).filter(([, value]) => value !== undefined);
  return written.map(([name, value]) => ` --${name} ${quote(value!)}`).join('');
}
