import type { LowerContext } from './context';
import type { Path, Position } from './issues';
import { BPF_PSEUDO_MAP_FD, isLdImm64, suggest } from './jit';
import type { LoweredProgram, LoweredPrograms } from './programs';
import type { Spec } from './schema';
import type { MapWritten } from './schema-kernel';
import { hexBytes } from './values';
import { oneOf } from './words';

/** What an arena is allocated in. */
const PAGE_BYTES = 4096;

/** Where the values of a map are in its bytes, one behind the other. */
export interface MapElements {
  /** Of one value. */
  readonly bytes: number;
  /** From one to the next. */
  readonly stride: number;
  readonly count: number;
}

/** A map that a body brings along. */
export interface BodyMap extends Partial<Pick<MapSpec, 'init' | 'programs' | 'elements'>> {
  readonly name: string;
  readonly size: number;
  /** The object that declares it; two programs of one share it. */
  readonly from?: string;
}

/** A map of one value, an array, an arena, or an array of programs. */
export interface MapSpec {
  readonly name: string;
  readonly size: number;
  /** Whether the bytes are an arena's pages. */
  readonly arena: boolean;
  /** All `size` bytes. */
  readonly init: Uint8Array;
  /** Of an array of programs: how many entries it has, and the program at each index that holds one. Its size is 0. */
  readonly programs?: { readonly entries: number; readonly slots: ReadonlyMap<number, string> };
  /** The values that lookups find. Default: none is looked up. */
  readonly elements?: MapElements;
  readonly position: Position;
}

/** The maps of bodies, but for those that the spec writes itself. */
function ownMaps(spec: Spec, { programs }: LoweredPrograms, context: LowerContext): MapSpec[] {
  const found = new Map<string, BodyMap>();
  return programs.flatMap((program) =>
    program.ownMaps.flatMap((map): MapSpec[] => {
      const { name, size, from } = map;
      if (from !== undefined && Object.hasOwn(spec.maps ?? {}, name)) return [];
      const other = found.get(name);
      if (other && other.from !== from) {
        context.reportKey(['programs', program.name], `${from} and ${other.from} both have a map \`${name}\``);
      }
      if (other) return [];
      found.set(name, map);
      const { init = new Uint8Array(size), programs: slots, elements } = map;
      const rest = { ...(slots && { programs: slots }), ...(elements && { elements }) };
      return [{ name, size, arena: false, init, ...rest, position: program.position }];
    }),
  );
}

/** The maps that a spec writes, and behind them those that generated bodies need for themselves. */
export function lowerMaps(spec: Spec, lowered: LoweredPrograms, context: LowerContext): MapSpec[] {
  let arenas = 0;
  const own = ownMaps(spec, lowered, context);
  const written = Object.entries(spec.maps ?? {}).map(([name, written]) => {
    const path = ['maps', name];
    if (written.arena && ++arenas > 1) context.reportKey(path, 'a second arena', { expected: 'one in a spec' });
    if (name === 'ctx') context.reportKey(path, 'a map cannot be named ctx: under `memory` that is the context');
    return written.prog_array === undefined
      ? lowerValue(name, written, path, context)
      : lowerProgArray(name, written, written.prog_array, path, lowered, context);
  });
  return [...written, ...own];
}

function lowerValue(name: string, written: MapWritten, path: Path, context: LowerContext): MapSpec {
  const { size = 0, init, entries, arena = false } = written;
  if (written.size === undefined) context.report(path, '`size` is missing', { expected: '`size` or `prog_array`' });
  if (entries !== undefined) {
    context.reportKey([...path, 'entries'], 'a map of one value has no entries', {
      expected: '`prog_array` beside it',
    });
  }
  if (arena && size % PAGE_BYTES !== 0) {
    context.report([...path, 'size'], `${size} bytes of an arena`, { expected: `a multiple of ${PAGE_BYTES}` });
  }
  const bytes = hexBytes(init ?? '');
  const all = new Uint8Array(size);
  if (bytes.length <= size) all.set(bytes);
  else if (written.size !== undefined) {
    context.report([...path, 'init'], `${bytes.length} bytes`, { expected: `at most the map's ${size}` });
  }
  return { name, size, arena, init: all, position: context.source.key(path) };
}

function lowerProgArray(
  name: string,
  written: MapWritten,
  array: Readonly<Record<string, string>>,
  path: Path,
  lowered: LoweredPrograms,
  context: LowerContext,
): MapSpec {
  for (const key of ['size', 'init', 'arena'] as const) {
    if (written[key] === undefined) continue;
    context.reportKey([...path, key], 'an array of programs has no bytes', { expected: `no \`${key}\`` });
  }
  const indices = Object.keys(array).map(Number);
  const entries = written.entries ?? Math.max(0, ...indices) + 1;
  const users = lowered.programs.filter((each) => uses(each, name));
  const slots = new Map<number, string>();
  for (const [key, program] of Object.entries(array)) {
    const at = [...path, 'prog_array', key];
    const index = Number(key);
    if (index >= entries) context.reportKey(at, `index ${index} is out of range`, { expected: `0 to ${entries - 1}` });
    checkSlot(program, at, users, lowered, context);
    slots.set(index, program);
  }
  const position = context.source.key(path);
  return { name, size: 0, arena: false, init: new Uint8Array(0), programs: { entries, slots }, position };
}

/** A program that a slot names must exist, and be of the type of those that make tail calls into it. */
function checkSlot(
  name: string,
  path: Path,
  users: readonly LoweredProgram[],
  { programs }: LoweredPrograms,
  context: LowerContext,
): void {
  const program = programs.find((each) => each.name === name);
  const known = programs.map((each) => each.name);
  if (!program) {
    const hints = { expected: oneOf(known), suggestion: suggest(name, known) };
    context.report(path, `unknown program \`${name}\``, hints);
    return;
  }
  if (program.type === 'ext') {
    context.report(path, 'a tail call into an extension', { expected: 'a program of another type' });
    return;
  }
  for (const user of users) {
    const type = typeOf(user, programs);
    if (type === undefined || type === program.type) continue;
    const message = `a tail call from ${type} to ${program.type}`;
    context.report(path, message, { expected: `a program of type ${type}, as ${user.name} is` });
    return;
  }
}

/** An extension counts as of the type of the program that it extends; which one that is may not be known. */
const typeOf = ({ type, awareOf }: LoweredProgram, programs: readonly LoweredProgram[]) =>
  type === 'ext' ? programs.find((each) => each.name === awareOf?.program)?.type : type;

const uses = ({ program }: LoweredProgram, map: string): boolean =>
  program.subprogs.some(({ insns }) =>
    insns.some(
      (insn) => isLdImm64(insn) && insn.src === BPF_PSEUDO_MAP_FD && program.maps[Number(insn.imm64 ?? 0n)] === map,
    ),
  );
