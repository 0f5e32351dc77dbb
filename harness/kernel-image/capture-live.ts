import { closeSync } from 'node:fs';
import { BPF_PSEUDO_MAP_FD, BPF_PSEUDO_MAP_VALUE, encodeProgram, type ProgramType } from '../../jit';
import type { Capture, CaptureMap } from '../capture/capture';
import { type BpftoolDump, bpftoolInfo } from './bpftool';
import { KernelRefusal, programById, testRun } from './commands';
import { kernelNames, parseKallsyms } from './kallsyms';
import { type OpenMap, resetMaps } from './live-maps';
import { type LiveProgram, type LoadedProgram, loadLive } from './live-program';
import { LIVE_TYPES, typeName } from './live-types';
import { depthsOf } from './load';
import { machineBySymbols } from './measure';
import { privateFramePointer } from './private-frame';
import { Hidden, type ProgramInfo, programInfo } from './program-info';
import { type Restored, restore } from './restore';
import { whyNotRun } from './safe';

/** A capture, and why it was not run where it was to be. */
export interface LiveCapture {
  readonly capture: Capture;
  readonly notRun: string | null;
}

const LD_IMM64 = 0x18;

const hex = (value: bigint): string => `0x${value.toString(16).padStart(16, '0')}`;

/** Hex without the zeros at its end; undefined where nothing is left. */
function initOf(initial: Uint8Array | undefined): string | undefined {
  const digits = Buffer.from(initial ?? [])
    .toString('hex')
    .replace(/(00)+$/, '');
  return digits === '' ? undefined : digits;
}

function mapsOf(maps: readonly OpenMap[], info: ProgramInfo, restored: Restored, arrayValues: bigint): CaptureMap[] {
  const addresses = addressesOfMaps(info, restored);
  return maps.map(({ id, name, type, valueSize, maxEntries, initial }): CaptureMap => {
    const { pointer, value } = addresses.get(id) ?? { pointer: null, value: null };
    const hasValues = type === 'array' || type === 'prog_array';
    const values = value ?? (pointer === null || !hasValues ? null : pointer + arrayValues);
    const init = initOf(initial);
    return {
      name,
      type,
      pointer: pointer === null ? null : hex(pointer),
      value: values === null ? null : hex(values),
      value_size: valueSize,
      max_entries: maxEntries,
      ...(init !== undefined && { init }),
    };
  });
}

/** A load of a map: its number or its address, and how far into its value. */
interface MapLoad {
  readonly ofValue: boolean;
  readonly low: number;
  readonly high: number;
}

function loadsOf(slots: readonly Buffer[]): MapLoad[] {
  return slots.flatMap((slot, i): MapLoad[] => {
    const src = slot[1]! >> 4;
    if (slot[0] !== LD_IMM64 || (src !== BPF_PSEUDO_MAP_FD && src !== BPF_PSEUDO_MAP_VALUE)) return [];
    return [{ ofValue: src === BPF_PSEUDO_MAP_VALUE, low: slot.readUInt32LE(4), high: slots[i + 1]!.readUInt32LE(4) }];
  });
}

/** Where the code has the maps, by their number: the dump has a number where what was restored has the address. */
function addressesOfMaps({ xlated }: ProgramInfo, { funcs }: Restored) {
  const slots = Array.from({ length: xlated.length / 8 }, (_, i) => Buffer.from(xlated.subarray(8 * i, 8 * i + 8)));
  const addresses = loadsOf(funcs.flatMap(({ insns }) => insns.map((text) => Buffer.from(text, 'hex'))));
  const found = new Map<number, { pointer: bigint | null; value: bigint | null }>();
  loadsOf(slots).forEach(({ ofValue, low: id, high: offset }, i) => {
    const known = found.get(id) ?? { pointer: null, value: null };
    const address = (BigInt(addresses[i]!.high) << 32n) | BigInt(addresses[i]!.low);
    found.set(id, ofValue ? { ...known, value: address - BigInt(offset) } : { ...known, pointer: address });
  });
  return found;
}

function captureOf(
  { name, desc, type, attachType }: { name: string; desc?: string; type: ProgramType; attachType?: string | undefined },
  restored: Restored,
): Capture {
  const { ksyms, funcs, want, hiddenCallback, estimates } = restored;
  return {
    name,
    ...(desc !== undefined && { desc }),
    prog_type: type.toUpperCase(),
    request: {
      ksyms: ksyms.map(hex),
      ...(attachType !== undefined && { expected_attach_type: attachType.toUpperCase() }),
      ...(hiddenCallback && { default_exception_cb: { ksym: hex(hiddenCallback.ksym), exit: hiddenCallback.exit } }),
      funcs,
    },
    want,
    ...(estimates.length > 0 && { estimates }),
  };
}

function restoreLive(info: ProgramInfo, depths: readonly number[], names = kernelNames()): Restored {
  const throws = names.address('bpf_throw');
  return restore(info, { depths, throws: (address) => address === throws, symbol: (address) => names.name(address) });
}

/** Results that are not the same each time depend on time or chance: a repetition of that is worth nothing. */
const REPEATED = 32;

class NotRun extends Error {}

/** What the kernel returns for one context, each time that its maps are as they were made. */
function resultOn(
  { fd, maps }: LoadedProgram,
  type: ProgramType,
  context: Uint8Array,
): { retval: number; ctx?: string } {
  const { input, writesContext = false } = LIVE_TYPES[type]!;
  const results = Array.from({ length: REPEATED }, () => {
    resetMaps(maps);
    const ctx = context.slice();
    const retval = testRun(fd, input === 'packet' ? { data: ctx } : { ctx });
    return { retval, ...(writesContext && { ctx: Buffer.from(ctx).toString('hex') }) };
  });
  const [first] = results;
  if (results.every(({ retval, ctx }) => retval === first!.retval && ctx === first!.ctx)) return first!;
  throw new NotRun('its result is not the same each time: it depends on time, on chance, or on what it did before');
}

/** Least and most bytes that a test run takes (bpf_prog_test_run_skb(), bpf_prog_test_run_raw_tp()). */
const SIZES: Readonly<Partial<Record<ProgramType, readonly [least: number, most: number]>>> = {
  socket_filter: [14, 3000],
  sched_cls: [14, 3000],
  xdp: [14, 3000],
  raw_tracepoint: [0, 96],
};

function execOf(
  loaded: LoadedProgram,
  live: LiveProgram,
  contexts: readonly Uint8Array[],
): NonNullable<Capture['exec']> {
  const [least, most] = SIZES[live.type] ?? [1, 4096];
  const results = contexts.map((context) => {
    if (context.length < least || context.length > most) {
      throw new NotRun(`a test run of a ${live.type} program takes ${least} to ${most} bytes, not ${context.length}`);
    }
    return resultOn(loaded, live.type, context);
  });
  return {
    insns: Buffer.from(encodeProgram(live.program)).toString('hex').match(/.{16}/g) ?? [],
    runs: contexts.map((context) => ({ ctx: Buffer.from(context).toString('hex') })),
    results,
  };
}

/** A program whose global functions are static, but for its exception callback, which has to be global. */
function withStatic({ program, exceptionCallback, ...rest }: LiveProgram): LiveProgram {
  const subprogs = program.subprogs.map((each, i) => {
    return i === 0 || i === exceptionCallback ? each : { ...each, isGlobal: false };
  });
  return { ...rest, program: { ...program, subprogs }, ...(exceptionCallback !== undefined && { exceptionCallback }) };
}

const STATIC =
  'global functions were loaded as static ones: the types that their arguments have in C are not handed over';

/**
 * Loads a program. The types that it is given say of global functions that they take numbers; where that is refused, the
 * verifier looks at them as it does at static ones, from each call. The code is the same.
 */
function loadEither(live: LiveProgram): { readonly loaded: LoadedProgram; readonly estimates: readonly string[] } {
  try {
    return { loaded: loadLive(live), estimates: [] };
  } catch (error) {
    const isGlobal = ({ isGlobal = false }: { isGlobal?: boolean }, i: number) =>
      isGlobal && i !== 0 && i !== live.exceptionCallback;
    if (!(error instanceof KernelRefusal) || !live.program.subprogs.some(isGlobal)) throw error;
    return { loaded: loadLive(withStatic(live)), estimates: [STATIC] };
  }
}

/**
 * Loads a program into the running kernel, reads back what that made of it, runs it there on contexts where that is safe,
 * and lets go of it. @throws Unloadable, KernelRefusal, Hidden, DecodeError
 */
export function captureLive(live: LiveProgram, contexts: readonly Uint8Array[], arrayValues: number): LiveCapture {
  const { loaded, estimates } = loadEither(live);
  try {
    const info = programInfo(loaded.fd);
    const read = restoreLive(info, depthsOf(loaded.log));
    const restored = { ...read, estimates: [...read.estimates, ...estimates] };
    const maps = mapsOf(loaded.maps, info, restored, BigInt(arrayValues));
    const capture = { ...captureOf(live, restored), ...(maps.length > 0 && { maps }) };
    if (contexts.length === 0) return { capture, notRun: null };
    const hasPrivateFrame = info.functions.some((bytes) => privateFramePointer(bytes) !== null);
    const { input } = LIVE_TYPES[live.type]!;
    const notRun = whyNotRun({ program: live.program, input, type: live.type, hasPrivateFrame });
    if (notRun !== null) return { capture, notRun };
    try {
      return { capture: { ...capture, exec: execOf(loaded, live, contexts) }, notRun };
    } catch (error) {
      if (error instanceof NotRun || error instanceof KernelRefusal) return { capture, notRun: error.message };
      throw error;
    }
  } finally {
    loaded.close();
  }
}

/** A program that somebody else has loaded. It is never run. */
export function captureLoaded(name: string, info: ProgramInfo, type: ProgramType): Capture {
  return captureOf({ name: info.name === '' ? name : info.name, type }, restoreLive(info, []));
}

/**
 * What bpftool printed of a program, on whatever machine, as a capture.
 * @throws DumpError, Hidden, DecodeError
 */
export function captureDump(dump: BpftoolDump, type: ProgramType) {
  const number = LIVE_TYPES[type]?.number ?? 0;
  const info = bpftoolInfo(dump, number);
  const names = parseKallsyms(dump.kallsyms);
  const machine = machineBySymbols(names, info);
  const restored = restoreLive(info, [], names);
  return { machine, capture: captureOf({ name: info.name === '' ? 'program' : info.name, type }, restored) };
}

/** Reads back a program that somebody has loaded, by its id. It is never run. @throws KernelRefusal, Hidden, DecodeError */
export function captureById(id: number): Capture {
  const fd = programById(id);
  try {
    const info = programInfo(fd);
    const type = typeName(info.type);
    if (type === null) throw new Hidden(`program ${id} is of type ${info.type}, which is not known`);
    return captureLoaded(`program ${id}`, info, type);
  } finally {
    closeSync(fd);
  }
}
