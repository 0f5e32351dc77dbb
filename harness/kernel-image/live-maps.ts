import { closeSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { BPF_PSEUDO_MAP_FD, type Program } from '../../jit';
import { createMap, freezeMap, KernelRefusal, mapId, updateMap } from './commands';

/** A map that is made for a program. */
export interface LiveMap {
  readonly name: string;
  /** BPF_MAP_TYPE_* in lower case, and its number. */
  readonly type: string;
  readonly number: number;
  /** Bytes. */
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly flags: number;
  /** Of global data: what its only value begins with. */
  readonly initial?: Uint8Array | undefined;
  /** No program may change it: the verifier then knows its values. */
  readonly readOnly?: boolean;
}

/** A map that the kernel has, by its descriptor and its number among the kernel's maps. */
export interface OpenMap extends LiveMap {
  readonly fd: number;
  readonly id: number;
}

const ARRAY = { type: 'array', number: 2, keySize: 4, flags: 0 } as const;
const PROG_ARRAY = { type: 'prog_array', number: 3, keySize: 4, flags: 0 } as const;
const DEFAULT_VALUE = 64;
const SLOTS_OF_PROG_ARRAY = 4;
const LD_IMM64 = 0x18;
const CALL = 0x85;
const TAIL_CALL = 12;
const BPF_F_RDONLY_PROG = 1 << 7;

/** Kinds that are made of something else besides their sizes. */
const NOT_MADE: Readonly<Record<string, string>> = {
  array_of_maps: 'a map of maps needs another map',
  hash_of_maps: 'a map of maps needs another map',
  arena: 'arenas are not captured',
  struct_ops: 'a map of functions is for what is attached',
  sk_storage: 'a storage needs the types of the object',
  inode_storage: 'a storage needs the types of the object',
  task_storage: 'a storage needs the types of the object',
  cgrp_storage: 'a storage needs the types of the object',
};

/** Why a map is not made, before the kernel is asked; null when it is. */
export const whyNotMade = ({ name, type }: LiveMap): string | null => {
  const why = Object.hasOwn(NOT_MADE, type) ? NOT_MADE[type]! : null;
  return why && `the map ${name}: ${why}`;
};

/** Maps that are handed to bpf_tail_call: those are arrays of programs. */
function progArrays({ subprogs }: Program): Set<number> {
  const found = new Set<number>();
  for (const { insns } of subprogs) {
    let second: number | null = null;
    for (const { code, src, dst, imm, imm64 = 0n } of insns) {
      if (code === LD_IMM64 && dst === 2) second = src === BPF_PSEUDO_MAP_FD ? Number(imm64 & 0xffffffffn) : null;
      if (code === CALL && src === 0 && imm === TAIL_CALL && second !== null) found.add(second);
      if (code === CALL) second = null;
    }
  }
  return found;
}

/** The maps of a program of which nothing else is known: arrays of one value, or of programs. */
function impliedMaps(program: Program): LiveMap[] {
  const arrays = progArrays(program);
  return program.maps.map((name, i): LiveMap => {
    if (arrays.has(i)) return { name, ...PROG_ARRAY, valueSize: 4, maxEntries: SLOTS_OF_PROG_ARRAY };
    return { name, ...ARRAY, valueSize: DEFAULT_VALUE, maxEntries: 1 };
  });
}

/** What the maps of a program are, in its order. */
export function mapsFor(program: Program, known: readonly LiveMap[] = []): LiveMap[] {
  return impliedMaps(program).map((implied) => known.find(({ name }) => name === implied.name) ?? implied);
}

/** Zero entries of a map for events of CPUs are one for each (bpf_object__create_map() of libbpf). */
const entriesOf = ({ type, maxEntries }: LiveMap): number =>
  type === 'perf_event_array' && maxEntries === 0 ? availableParallelism() : maxEntries;

/** Makes a map, filled and frozen as it is to be. @throws KernelRefusal */
export function openMap(map: LiveMap): OpenMap {
  const { readOnly = false, initial, flags } = map;
  const maxEntries = entriesOf(map);
  const fd = createMap({ ...map, maxEntries, flags: flags | (readOnly ? BPF_F_RDONLY_PROG : 0) });
  try {
    if (initial) updateMap(fd, 0, initial);
    if (readOnly) freezeMap(fd);
    return { ...map, maxEntries, fd, id: mapId(fd) };
  } catch (error) {
    closeSync(fd);
    throw error instanceof KernelRefusal ? error.about(`the map ${map.name}`) : error;
  }
}

/** More values are not set back one by one. */
const MOST_RESET = 1 << 12;

/** Gives arrays the values again that they began with; what else a program has, it finds as it left it. */
export function resetMaps(maps: readonly OpenMap[]): void {
  for (const { type, fd, valueSize, maxEntries, initial, readOnly } of maps) {
    if (readOnly || type !== 'array' || maxEntries > MOST_RESET) continue;
    for (let i = 0; i < maxEntries; i++) updateMap(fd, i, initial ?? new Uint8Array(valueSize));
  }
}
