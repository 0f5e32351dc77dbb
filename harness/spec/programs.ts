import { type LoweredBody, lowerBody } from './bodies';
import { lowerCallbacks } from './callbacks';
import type { LowerContext } from './context';
import { IMAGE_KEYS } from './image-body';
import type { Path, Position } from './issues';
import { pcsOf } from './jit';
import { type KernelNames, kernelNames } from './kernel-names';
import type { ProgramType } from './names';
import type { Spec } from './schema';
import type { MapWritten } from './schema-kernel';
import type { ProgramSpec } from './schema-program';
import { SubprogNames, type SubprogRef } from './subprogs';
import { depthKey, type Point } from './sweep';

/** One of a spec's programs, ready for the JIT. */
export interface LoweredProgram extends LoweredBody {
  readonly name: string;
  readonly type: ProgramType;
  /** Whose rules for private frames are its own. */
  readonly eligibleAs?: ProgramType;
  /** Of a struct_ops program: its member asks for private stacks. */
  readonly privStackRequested?: boolean;
  /** Subprogs, by index: the exception callback, and callbacks that C code calls later. */
  readonly exceptionCallback?: number;
  readonly asyncCallbacks: readonly number[];
  /** Of an extension: the subprog that it is compiled to replace, so that it keeps the target's frame pointer alive. */
  readonly awareOf?: SubprogRef;
  readonly position: Position;
}

/** An error that an analysis finds in a program: of the subprog of that index, at that pc. */
export interface ProgramError {
  readonly subprog: number;
  readonly pc: number;
  readonly message: string;
}

/** Finds what the verifier would refuse under every policy: recursion, large frames, long call chains. */
export type Analyse = (program: LoweredProgram) => readonly ProgramError[];

/** The programs at one point of the sweep. */
export interface LoweredPrograms {
  readonly programs: readonly LoweredProgram[];
  readonly names: SubprogNames;
  readonly kernel: KernelNames;
}

/** Whether a map is an array of one value: neither of programs nor an arena. */
const isValue = ({ prog_array: programs, arena }: MapWritten): boolean => programs === undefined && !arena;

const IDENTIFIER = /^[A-Za-z_]\w*$/;

/** Lowers all programs; issues go to the context. */
export function lowerPrograms(
  spec: Spec,
  point: Point,
  context: LowerContext,
  analyse: Analyse | undefined,
): LoweredPrograms | undefined {
  const kernel = kernelNames(spec);
  const before = context.issues.length;
  const entries = Object.entries(spec.programs);
  if (entries.length === 0) return context.report(['programs'], 'there is no program', { expected: 'at least one' });
  const programs = entries.flatMap(([name, written], index): LoweredProgram[] => {
    const path: Path = ['programs', name];
    if (!IDENTIFIER.test(name)) {
      context.reportKey(path, `\`${name}\` is no name for a program`, { expected: 'letters, digits and _' });
      return [];
    }
    const maps = Object.keys(spec.maps ?? {});
    const { kfuncs, all } = kernel;
    const depths = depthsOf(point, name);
    const valueMaps = maps.filter((map) => isValue(spec.maps![map]!));
    const declaredKfuncs = spec.kfuncs ?? [];
    const verifierMade = written.verifier_insns ?? false;
    const { type, section, btf } = written;
    const own = { type, section, btf };
    const scope = {
      name,
      index,
      kfuncs,
      declaredKfuncs,
      maps,
      valueMaps,
      kernelNames: all,
      depths,
      verifierMade,
      ...own,
    };
    const body = lowerBody(written, path, scope, context);
    if (!body) return [];
    checkImage(written, path, body, context);
    const callbacks = lowerCallbacks(written, path, body, context);
    if (written.priv_stack_requested !== undefined && written.type !== 'struct_ops') {
      const message = `a program of type ${written.type} has no member that could ask`;
      context.reportKey([...path, 'priv_stack_requested'], message, { expected: 'type struct_ops' });
    }
    const attachType = written.attach_type ?? body.attachType;
    const attach = {
      ...(attachType !== undefined && { attachType }),
      ...(written.eligible_as !== undefined && { eligibleAs: written.eligible_as }),
      ...(written.priv_stack_requested && { privStackRequested: true }),
    };
    return [
      {
        name,
        type,
        position: context.source.key(path),
        ...callbacks,
        ...body,
        ...attach,
      },
    ];
  });
  if (context.issues.length > before) return undefined;
  for (const program of programs) if (!isOnlyImage(program)) reportErrors(program, analyse?.(program) ?? [], context);
  const names = new SubprogNames(
    programs.map(({ name, program }) => [name, program.subprogs.map((each) => each.name)]),
  );
  checkDepthKeys(spec, point, names, context);
  const aware = programs.map((each) => withTarget(each, spec, { programs, names }, context));
  return context.issues.length > before ? undefined : { programs: aware, names, kernel };
}

const isOnlyImage = ({ image, program }: LoweredBody): boolean => image?.program === program;

/** What an image says of itself, a spec need not say; its type it does, for its readers. */
function checkImage(written: ProgramSpec, path: Path, body: LoweredBody, context: LowerContext): void {
  const { image } = body;
  if (!image) return;
  const { type } = image;
  if (written.type !== type)
    context.report([...path, 'type'], `the image is of a program of type ${type}`, { expected: type });
  for (const key of IMAGE_KEYS) {
    if (written[key] === undefined || !isOnlyImage(body)) continue;
    context.reportKey([...path, key], `\`${key}\` beside an image, which brings along its own`, {
      expected: 'no such key',
    });
  }
}

/** Adds the subprog that an extension is compiled to replace. */
function withTarget(
  program: LoweredProgram,
  spec: Spec,
  { programs, names }: Pick<LoweredPrograms, 'programs' | 'names'>,
  context: LowerContext,
): LoweredProgram {
  const { aware_of: written, type } = spec.programs[program.name]!;
  const path: Path = ['programs', program.name, 'aware_of'];
  if (written === undefined) return program;
  const found = names.resolve(written);
  if (!found.ok) context.report(path, found.message, found);
  else if (type !== 'ext')
    context.reportKey(path, `a program of type ${type} extends nothing`, { expected: 'type ext' });
  else if (found.ref.program === program.name) {
    context.report(path, `${written} is its own`, { expected: 'a subprog of another program' });
  } else if (!isGlobal(found.ref, programs)) {
    context.report(path, `${written} is not a global function`, { expected: 'a subprog that is declared global' });
  } else return { ...program, awareOf: found.ref };
  return program;
}

/** Whether an extension may take the place of a subprog: of one that is global, and is not the main one. */
const isGlobal = ({ program, subprog }: SubprogRef, programs: readonly LoweredProgram[]): boolean => {
  const { subprogs } = programs.find(({ name }) => name === program)!.program;
  return subprogs.findIndex(({ name, isGlobal }) => name === subprog && isGlobal === true) > 0;
};

// `depth(main)` is meant for whichever program has a main; that it is just one is checked when the names are known.
function depthsOf(point: Point, program: string): Map<string, number> {
  const depths = new Map<string, number>();
  for (const [key, value] of Object.entries(point)) {
    const name = depthKey(key);
    if (name === undefined) continue;
    if (!name.includes('.')) depths.set(name, value);
    else if (name.startsWith(`${program}.`)) depths.set(name.slice(program.length + 1), value);
  }
  return depths;
}

function checkDepthKeys(spec: Spec, point: Point, names: SubprogNames, context: LowerContext): void {
  for (const key of Object.keys(point)) {
    const name = depthKey(key);
    if (name === undefined) continue;
    const path: Path = ['sweep', key];
    const found = names.resolve(name);
    if (!found.ok) context.reportKey(path, found.message, found);
    else if (spec.programs[found.ref.program]!.tree === undefined) {
      context.reportKey(path, `the depth of ${name} follows from its assembly`, { expected: 'a subprog of a tree' });
    }
  }
}

function reportErrors(program: LoweredProgram, errors: readonly ProgramError[], context: LowerContext): void {
  for (const { subprog, pc, message } of errors) {
    const insns = program.program.subprogs[subprog]?.insns ?? [];
    const at = Math.max(0, pcsOf(insns).indexOf(pc));
    const position = program.sources[subprog]?.[at] ?? program.position;
    context.reportAt(position, ['programs', program.name], message);
  }
}
