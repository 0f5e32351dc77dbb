import { closeSync } from 'node:fs';
import { encodeProgram, type Program, type ProgramType } from '../../jit';
import type { Capture, CaptureMap } from '../capture/capture';
import { KernelRefusal, programById, testRun } from './commands';
import { kernelNames } from './kallsyms';
import { type LiveMap, type LiveProgram, loadLive } from './live-program';
import { LIVE_TYPES, typeName } from './live-types';
import { depthsOf } from './load';
import { privateFramePointer } from './private-frame';
import { Hidden, type ProgramInfo, programInfo } from './program-info';
import { type Restored, restore } from './restore';
import { whyNotRun } from './safe';

/** A capture, and why it was not run where it was to be. */
export interface LiveCapture {
  readonly capture: Capture;
  readonly notRun: string | null;
}

const hex = (value: bigint): string => `0x${value.toString(16).padStart(16, '0')}`;

function mapsOf(maps: readonly LiveMap[], program: Program, restored: Restored, arrayValues: bigint): CaptureMap[] {
  const written = program.subprogs.map(({ insns }) => insns);
  const addresses = addressesOfMaps(written, restored);
  return maps.map(({ name, type, valueSize, maxEntries }, i): CaptureMap => {
    const { pointer, value } = addresses.get(i) ?? { pointer: null, value: null };
    const values = value ?? (pointer === null ? null : pointer + arrayValues);
    return {
      name,
      type,
      pointer: pointer === null ? null : hex(pointer),
      value: values === null ? null : hex(values),
      value_size: valueSize,
      max_entries: maxEntries,
    };
  });
}

const LD_IMM64 = 0x18;

/** Loads of maps in the order of the text: the verifier keeps that order, and drops those that are never reached. */
function addressesOfMaps(
  written: readonly Program['subprogs'][number]['insns'][],
  { funcs }: Restored,
): Map<number, { pointer: bigint | null; value: bigint | null }> {
  const found = new Map<number, { pointer: bigint | null; value: bigint | null }>();
  written.forEach((insns, f) => {
    const wanted = insns.filter(({ code, src }) => code === LD_IMM64 && (src === 1 || src === 2));
    const loads = loadsOf(funcs[f]?.insns ?? []);
    if (wanted.length !== loads.length) return;
    wanted.forEach(({ src, imm64 = 0n }, i) => {
      const index = Number(imm64 & 0xffffffffn);
      const known = found.get(index) ?? { pointer: null, value: null };
      const address = loads[i]!;
      found.set(index, src === 1 ? { ...known, pointer: address } : { ...known, value: address - (imm64 >> 32n) });
    });
  });
  return found;
}

function loadsOf(insns: readonly string[]): bigint[] {
  const found: bigint[] = [];
  insns.forEach((text, i) => {
    const bytes = Buffer.from(text, 'hex');
    const src = bytes[1]! >> 4;
    if (bytes[0] !== LD_IMM64 || (src !== 1 && src !== 2)) return;
    const high = Buffer.from(insns[i + 1]!, 'hex').readUInt32LE(4);
    found.push((BigInt(high) << 32n) | BigInt(bytes.readUInt32LE(4)));
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

function restoreLive(info: ProgramInfo, depths: readonly number[]): Restored {
  const names = kernelNames();
  const throws = names.address('bpf_throw');
  return restore(info, { depths, throws: (address) => address === throws, symbol: (address) => names.name(address) });
}

/** Results that are not the same each time depend on time or chance: a repetition of that is worth nothing. */
const REPEATED = 32;

class NotRun extends Error {}

/** What the kernel returns for one context, each time. */
function resultOn(fd: number, type: ProgramType, context: Uint8Array): { retval: number; ctx?: string } {
  const { input, writesContext = false } = LIVE_TYPES[type]!;
  const results = Array.from({ length: REPEATED }, () => {
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

function execOf(fd: number, live: LiveProgram, contexts: readonly Uint8Array[]): NonNullable<Capture['exec']> {
  const [least, most] = SIZES[live.type] ?? [1, 4096];
  const results = contexts.map((context) => {
    if (context.length < least || context.length > most) {
      throw new NotRun(`a test run of a ${live.type} program takes ${least} to ${most} bytes, not ${context.length}`);
    }
    return resultOn(fd, live.type, context);
  });
  return {
    insns: Buffer.from(encodeProgram(live.program)).toString('hex').match(/.{16}/g) ?? [],
    runs: contexts.map((context) => ({ ctx: Buffer.from(context).toString('hex') })),
    results,
  };
}

/**
 * Loads a program into the running kernel, reads back what that made of it, runs it there on contexts where that is safe,
 * and lets go of it. @throws Unloadable, KernelRefusal, Hidden, DecodeError
 */
export function captureLive(live: LiveProgram, contexts: readonly Uint8Array[], arrayValues: number): LiveCapture {
  const loaded = loadLive(live);
  try {
    const info = programInfo(loaded.fd);
    const restored = restoreLive(info, depthsOf(loaded.log));
    const maps = mapsOf(loaded.maps, live.program, restored, BigInt(arrayValues));
    const capture = { ...captureOf(live, restored), ...(maps.length > 0 && { maps }) };
    if (contexts.length === 0) return { capture, notRun: null };
    const hasPrivateFrame = info.functions.some((bytes) => privateFramePointer(bytes) !== null);
    const { input } = LIVE_TYPES[live.type]!;
    const notRun = whyNotRun({ program: live.program, input, type: live.type, hasPrivateFrame });
    if (notRun !== null) return { capture, notRun };
    try {
      return { capture: { ...capture, exec: execOf(loaded.fd, live, contexts) }, notRun };
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
