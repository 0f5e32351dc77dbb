import { closeSync } from 'node:fs';
import { encodeProgram, type Program, type ProgramType } from '../../jit';
import { loadBtf, loadProgramLive } from './commands';
import { type LiveMap, mapsFor, type OpenMap, openMap, whyNotMade } from './live-maps';
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
  /** Its maps, as far as they are known. Default: arrays of one value of 64 bytes, and of programs. */
  readonly maps?: readonly LiveMap[] | undefined;
}

/** Why a program cannot be loaded, before the kernel is asked. */
export class Unloadable extends Error {
  override readonly name = 'Unloadable';
}

/** A program in the kernel, as long as it is not closed. */
export interface LoadedProgram {
  readonly fd: number;
  /** Of the verifier: with the stack depth of each function. */
  readonly log: string;
  readonly maps: readonly OpenMap[];
  /** As it was handed over, maps by descriptor and kfuncs by BTF id. */
  readonly insns: Uint8Array;
  close(): void;
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
  const wanted = mapsFor(program, live.maps);
  const problem = wanted.map(whyNotMade).find((why) => why !== null);
  if (problem !== undefined) throw new Unloadable(problem);
  const open: number[] = [];
  const close = () => {
    for (const fd of open.splice(0)) closeSync(fd);
  };
  try {
    const maps = wanted.map((map) => {
      const made = openMap(map);
      open.push(made.fd);
      return made;
    });
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
