import { type Arena, BPF_DW, BPF_IMM, BPF_LD, BPF_PSEUDO_MAP_FD, BPF_PSEUDO_MAP_VALUE, type Program } from '../jit';
import { ARENA_SPACE, ARENA_START, ARENA_USER_START, PAGE } from './machine/layout';
import type { DataArea } from './run/run';
import type { MapSpec } from './spec';

/** An arena, and its pages that are allocated: from where the user has its start. */
export interface ArenaData {
  /** Of its map. */
  readonly name: string;
  readonly place: Arena;
  /** Whole pages. */
  readonly init: Uint8Array;
}

/** The arena among a spec's maps. */
export function arenaOfMaps(maps: readonly MapSpec[]): ArenaData | undefined {
  const map = maps.find(({ arena }) => arena);
  const place = { kernVmStart: ARENA_START, userVmStart: ARENA_USER_START };
  return map && { name: map.name, place, init: map.init };
}

const FOUR_GIB = 1n << 32n;

/** Why an arena cannot be where it is said to be; undefined when it can. */
export function arenaProblem({ kernVmStart, userVmStart }: Arena, bytes: number): string | undefined {
  const { lo, hi } = ARENA_SPACE;
  if (kernVmStart < lo || kernVmStart > hi - FOUR_GIB) {
    return `arena_vm_start: expected an address from 0x${lo.toString(16)} on, 4 GiB before 0x${hi.toString(16)} at most`;
  }
  if ([kernVmStart, userVmStart].some((address) => address % BigInt(PAGE) !== 0n)) {
    return `arena_vm_start, arena_user_vm_start: expected multiples of ${PAGE}`;
  }
  const end = BigInt.asUintN(32, userVmStart) + BigInt(bytes);
  return end > FOUR_GIB ? 'arena_user_vm_start: the pages cross a multiple of 4 GiB' : undefined;
}

const isMapLoad = (code: number, src: number): boolean =>
  code === (BPF_LD | BPF_IMM | BPF_DW) && (src === BPF_PSEUDO_MAP_FD || src === BPF_PSEUDO_MAP_VALUE);

/** Whether a program refers to an arena's map: to the kernel, that is what gives it the arena. */
export const hasArena = ({ subprogs, maps }: Program, { name }: ArenaData): boolean =>
  subprogs.some(({ insns }) =>
    insns.some(({ code, src, imm64 = 0n }) => isMapLoad(code, src) && maps[Number(imm64 & 0xffffffffn)] === name),
  );

/** Where the kernel has the pages (arena_vm_fault() and bpf_arena_get_kern_vm_start(), kernel/bpf/arena.c). */
export const arenaArea = ({ name, place, init }: ArenaData): DataArea => {
  const address = place.kernVmStart + BigInt.asUintN(32, place.userVmStart);
  return { name, address, size: init.length };
};
