import { LINUX_6_18, type ProgramType, programErrors } from '../jit';
import { DecodeError } from './capture/decode';
import type { MachineDescription } from './capture/machine';
import { type ElfMap, mapNumber } from './elf';
import {
  type BpftoolDump,
  captureById,
  captureDump,
  captureLive,
  DumpError,
  Hidden,
  KernelRefusal,
  type LiveCapture,
  type LiveMap,
  measureMachine,
  permission,
  Unloadable,
} from './kernel-image';
import { isIssues, readSources } from './read-program';
import { type Issue, readBytes } from './spec';

/** Symbols of a large kernel have some 20 MB. */
const MAX_DUMP_BYTES = 64 << 20;

export interface CaptureOptions {
  /** Of programs in files that name none. */
  readonly type: ProgramType;
  /** What each program is run on, where that is safe. */
  readonly contexts: readonly Uint8Array[];
  /** Of objects: only programs of this section, or of this name. */
  readonly section?: string | undefined;
}

/** Captures of programs, or why there are none. */
export type CaptureOutcome =
  | {
      readonly kind: 'captured';
      readonly machine: MachineDescription;
      readonly captures: readonly LiveCapture[] /** What this kernel does not want, and why. */;
      readonly refused: readonly Issue[];
    }
  | { readonly kind: 'invalid'; readonly issues: readonly Issue[] }
  /** This kernel, or this user, cannot. */
  | { readonly kind: 'impossible'; readonly reason: string };

/** Global data that programs only read: libbpf freezes it before it loads them, so that the verifier knows what it is. */
const READ_ONLY = /^\.(rodata|kconfig)/;

/** A map of an object, to be made in the kernel. */
const liveMap = ({ name, kind, initial, ...sizes }: ElfMap): LiveMap => {
  const readOnly = initial !== undefined && READ_ONLY.test(name);
  return { ...sizes, name, type: kind, number: mapNumber(kind), initial, readOnly };
};

/** The machine, or why it shows nothing. */
function machine(): MachineDescription | string {
  const denied = permission();
  if (denied !== null) return denied;
  try {
    return measureMachine();
  } catch (error) {
    if (error instanceof Hidden || error instanceof KernelRefusal || error instanceof DecodeError) return error.message;
    throw error;
  }
}

/** Hands the programs of files to the running kernel, one after the other, and reads back what it made of them. */
export function capturePrograms(files: readonly string[], { type, contexts, section }: CaptureOptions): CaptureOutcome {
  const sources = files.map((file) => ({ file, read: readSources(file, type, { section }) }));
  const invalid = sources.flatMap(({ read }): readonly Issue[] => (isIssues(read) ? read : []));
  if (invalid.length > 0) return { kind: 'invalid', issues: invalid };
  const here = machine();
  if (typeof here === 'string') return { kind: 'impossible', reason: here };
  const captures: LiveCapture[] = [];
  const refused: Issue[] = [];
  const arrayValues = Number(here.jit.offsets['bpf_array.ptrs'] ?? LINUX_6_18.offsets.arrayPtrs);
  const several = sources.some(({ read }) => read.length > 1);
  for (const { file, read } of sources) {
    if (isIssues(read)) continue;
    for (const source of read) {
      const at = (subprog: number, pc: number, message: string): Issue => {
        return { file: file === '-' ? '<stdin>' : file, ...source.position(subprog, pc), path: '', message };
      };
      const errors = programErrors(source.program).map(({ subprog, pc, message }) => at(subprog, pc, message));
      if (errors.length > 0) return { kind: 'invalid', issues: errors };
      if (source.arena) {
        refused.push(at(0, 0, `${source.name}: it has an arena, which is not captured`));
        continue;
      }
      const name = several || source.name !== 'prog' ? `${file}/${source.name}` : file;
      try {
        const maps = source.declaredMaps?.map(liveMap);
        captures.push(captureLive({ ...source, name, maps }, contexts, arrayValues));
      } catch (error) {
        if (
          !(
            error instanceof Unloadable ||
            error instanceof KernelRefusal ||
            error instanceof Hidden ||
            error instanceof DecodeError
          )
        )
          throw error;
        refused.push(at(0, 0, `${source.name}: ${error.message}`));
      }
    }
  }
  return { kind: 'captured', machine: here, captures, refused };
}

/** Reads back a program that is loaded already. It is not run. */
export function captureProgramById(id: number): CaptureOutcome {
  const here = machine();
  if (typeof here === 'string') return { kind: 'impossible', reason: here };
  try {
    return { kind: 'captured', machine: here, captures: [{ capture: captureById(id), notRun: null }], refused: [] };
  } catch (error) {
    if (!(error instanceof KernelRefusal || error instanceof Hidden || error instanceof DecodeError)) throw error;
    const issue = { file: `program ${id}`, line: 1, column: 1, path: '', message: error.message };
    return { kind: 'captured', machine: here, captures: [], refused: [issue] };
  }
}

/** Files that bpftool and the kernel wrote of a program. */
export type DumpFiles = Readonly<Record<keyof BpftoolDump, string>>;

/** Makes a capture of what bpftool printed of a program. This kernel is not asked. */
export function captureBpftool(files: DumpFiles, type: ProgramType): CaptureOutcome {
  const issue = (part: keyof BpftoolDump, message: string): Issue => {
    return { file: files[part], line: 1, column: 1, path: '', message };
  };
  const parts: Partial<Record<keyof BpftoolDump, string>> = {};
  const issues: Issue[] = [];
  for (const part of ['xlated', 'jited', 'kallsyms'] as const) {
    const read = readBytes(files[part], MAX_DUMP_BYTES);
    if (read instanceof Uint8Array) parts[part] = Buffer.from(read).toString('utf8');
    else issues.push({ ...issue(part, read.message), ...read });
  }
  if (issues.length > 0) return { kind: 'invalid', issues };
  try {
    const { machine, capture } = captureDump(parts as BpftoolDump, type);
    return { kind: 'captured', machine, captures: [{ capture, notRun: null }], refused: [] };
  } catch (error) {
    if (error instanceof DumpError) return { kind: 'invalid', issues: [issue(error.part, error.message)] };
    if (!(error instanceof Hidden || error instanceof DecodeError)) throw error;
    return { kind: 'invalid', issues: [issue('jited', error.message)] };
  }
}

/** The lines of a file of captures: the machine first. */
export const captureLines = (outcome: CaptureOutcome & { kind: 'captured' }): string[] => [
  JSON.stringify({ machine: outcome.machine }),
  ...outcome.captures.map(({ capture }) => JSON.stringify(capture)),
];
