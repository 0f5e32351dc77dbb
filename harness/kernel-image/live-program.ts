import { closeSync } from 'node:fs';
import { BPF_PSEUDO_MAP_FD, encodeProgram, type Program, type ProgramType } from '../../jit';
import { createMap, loadBtf, loadProgramLive } from './commands';
import { attachmentOf, LIVE_TYPES } from './live-types';
import { whyNotLoaded } from './loadable';
import { programBtf } from './program-btf';
import { kernelTypeIds, TypeKind } from './vmlinux';

/** A program to be loaded, from wherever it comes. */
export interface LiveProgram {
  readonly name: string;
  readonly program: Program;
  readonly type: ProgramType;
  readonly attachType?: string | undefined;
  readonly exceptionCallback?: number | undefined;
  /** Bytes of the value of maps that are arrays of one value. Default: 64. */
  readonly mapSizes?: ReadonlyMap<string, number>;
}

/** Why a program cannot be loaded, before the kernel is asked. */
export class Unloadable extends Error {
  override readonly name = 'Unloadable';
}

/** A map that was made for a program. */
export interface LiveMap {
  readonly name: string;
  readonly type: 'array' | 'prog_array';
  readonly valueSize: number;
  readonly maxEntries: number;
}

/** A program in the kernel, as long as it is not closed. */
export interface LoadedProgram {
  readonly fd: number;
  /** Of the verifier: with the stack depth of each function. */
  readonly log: string;
  readonly maps: readonly LiveMap[];
  /** As it was handed over, maps by descriptor and kfuncs by BTF id. */
  readonly insns: Uint8Array;
  close(): void;
}

const ARRAY = 2;
const PROG_ARRAY = 3;
const DEFAULT_VALUE = 64;
const SLOTS_OF_PROG_ARRAY = 4;
const LD_IMM64 = 0x18;
const CALL = 0x85;
const TAIL_CALL = 12;

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

function shapes({ program, mapSizes }: LiveProgram): LiveMap[] {
  const arrays = progArrays(program);
  return program.maps.map((name, i): LiveMap => {
    if (arrays.has(i)) return { name, type: 'prog_array', valueSize: 4, maxEntries: SLOTS_OF_PROG_ARRAY };
    return { name, type: 'array', valueSize: mapSizes?.get(name) ?? DEFAULT_VALUE, maxEntries: 1 };
  });
}

function kfuncIds({ kfuncs }: Program): number[] {
  const ids = kernelTypeIds(TypeKind.FUNC, kfuncs);
  return kfuncs.map((name) => {
    const id = ids.get(name);
    if (id === undefined) throw new Unloadable(`the running kernel has no function \`${name}\``);
    return id;
  });
}

/** Loads a program with maps of its own. It is attached to nothing. @throws Unloadable, KernelRefusal */
export function loadLive(live: LiveProgram): LoadedProgram {
  const { program, type, attachType, exceptionCallback } = live;
  const how = LIVE_TYPES[type];
  const attachment = attachmentOf(type, attachType);
  if (!how || !attachment) {
    const what = attachType === undefined ? type : `${type} with attach type ${attachType}`;
    throw new Unloadable(`a program of type ${what} needs something to be attached to`);
  }
  const harm = whyNotLoaded(program, exceptionCallback);
  if (harm !== null) throw new Unloadable(harm);
  const ids = kfuncIds(program);
  const maps = shapes(live);
  const open: number[] = [];
  const close = () => {
    for (const fd of open.splice(0)) closeSync(fd);
  };
  try {
    for (const { name, type: kind, valueSize, maxEntries } of maps) {
      open.push(createMap({ name, type: kind === 'array' ? ARRAY : PROG_ARRAY, valueSize, maxEntries }));
    }
    const insns = encodeProgram(program, { kfuncIds: ids, mapFds: [...open] });
    const { btf, funcInfo, lineInfo } = programBtf(program, exceptionCallback);
    const types = loadBtf(btf);
    open.push(types);
    const { number, flags = 0 } = how;
    const { fd, log } = loadProgramLive({ type: number, flags, ...attachment, insns, btf: types, funcInfo, lineInfo });
    open.push(fd);
    return { fd, log, maps, insns, close };
  } catch (error) {
    close();
    throw error;
  }
}
