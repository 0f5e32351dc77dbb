import { addressOf } from '../native';
import { objectInfo } from './commands';

/** Offsets in struct bpf_prog_info (include/uapi/linux/bpf.h). */
const INFO = {
  size: 232,
  type: 0,
  id: 4,
  jitedLength: 16,
  xlatedLength: 20,
  jited: 24,
  xlated: 32,
  mapCount: 52,
  maps: 56,
  name: 64,
  ksymCount: 104,
  lengthCount: 108,
  ksyms: 112,
  lengths: 120,
  funcBytes: 132,
  funcs: 136,
  funcCount: 144,
  lineCount: 148,
  lines: 152,
  jitedLines: 160,
  jitedLineCount: 168,
  lineBytes: 172,
  jitedLineBytes: 176,
} as const;

/** Everything that a kernel shows of a program. */
export interface ProgramInfo {
  /** BPF_PROG_TYPE_*. */
  readonly type: number;
  readonly id: number;
  readonly name: string;
  readonly mapIds: readonly number[];
  /** Machine code, by function. */
  readonly functions: readonly Uint8Array[];
  readonly ksyms: readonly bigint[];
  /** BPF after the verifier's rewrites, some of it disguised. */
  readonly xlated: Uint8Array;
  /** Slot at which each function begins; empty for a program without type information. */
  readonly starts: readonly number[];
  /** Slot and address of each line of source, as far as the two lists tell the same story. */
  readonly lines: readonly (readonly [slot: number, address: bigint])[];
}

/** What the kernel hides, and why that may be. */
export class Hidden extends Error {
  override readonly name = 'Hidden';
}

const isZero = (bytes: Uint8Array): boolean => bytes.every((byte) => byte === 0);

/**
 * Slots of the line records and the addresses of their code. Where a hidden exception callback was added, the kernel shows
 * the addresses of the lines that it knows, the first ones missing: they are told apart from the back.
 */
function pairLines(slots: readonly number[], addresses: readonly bigint[]): (readonly [number, bigint])[] {
  const skipped = slots.length - addresses.length;
  return addresses.map((address, i) => [slots[skipped + i]!, address] as const);
}

/** Reads a program back: sizes first, then the contents. @throws Hidden, KernelRefusal */
export function programInfo(fd: number): ProgramInfo {
  const sizes = new Uint8Array(INFO.size);
  objectInfo(fd, sizes);
  const size = new DataView(sizes.buffer);
  const count = (at: number): number => size.getUint32(at, true);
  const jited = new Uint8Array(count(INFO.jitedLength));
  const xlated = new Uint8Array(count(INFO.xlatedLength));
  const ksyms = new Uint8Array(8 * count(INFO.ksymCount));
  const lengths = new Uint8Array(4 * count(INFO.lengthCount));
  const maps = new Uint8Array(4 * count(INFO.mapCount));
  const funcs = new Uint8Array(count(INFO.funcCount) * count(INFO.funcBytes));
  const lines = new Uint8Array(count(INFO.lineCount) * count(INFO.lineBytes));
  const jitedLines = new Uint8Array(count(INFO.jitedLineCount) * count(INFO.jitedLineBytes));
  const info = new Uint8Array(INFO.size);
  const fields = new DataView(info.buffer);
  for (const at of [
    ...[INFO.jitedLength, INFO.xlatedLength, INFO.ksymCount, INFO.lengthCount, INFO.mapCount, INFO.funcCount],
    ...[INFO.lineCount, INFO.jitedLineCount, INFO.funcBytes, INFO.lineBytes, INFO.jitedLineBytes],
  ]) {
    fields.setUint32(at, count(at), true);
  }
  const buffers: readonly (readonly [number, Uint8Array])[] = [
    [INFO.jited, jited],
    [INFO.xlated, xlated],
    [INFO.maps, maps],
    [INFO.ksyms, ksyms],
    [INFO.lengths, lengths],
    [INFO.funcs, funcs],
    [INFO.lines, lines],
    [INFO.jitedLines, jitedLines],
  ];
  for (const [at, buffer] of buffers) if (buffer.length > 0) fields.setBigUint64(at, addressOf(buffer), true);
  objectInfo(fd, info);
  if (jited.length === 0 || isZero(jited)) {
    throw new Hidden(
      'the kernel shows no machine code: its JIT is off, or it shows addresses to nobody (kptr_restrict)',
    );
  }
  if (isZero(ksyms))
    throw new Hidden('the kernel shows no addresses (kptr_restrict), without which nothing can be run');
  const u32 = (bytes: Uint8Array, at: number) => new DataView(bytes.buffer).getUint32(at, true);
  const u64 = (bytes: Uint8Array, at: number) => new DataView(bytes.buffer).getBigUint64(at, true);
  const each = <T>(bytes: Uint8Array, step: number, read: (at: number) => T): T[] =>
    step === 0 ? [] : Array.from({ length: bytes.length / step }, (_, i) => read(i * step));
  let next = 0;
  const functions = each(lengths, 4, (at) => jited.slice(next, (next += u32(lengths, at))));
  const name = Buffer.from(info.subarray(INFO.name, INFO.name + 16))
    .toString('latin1')
    .replace(/\0.*$/, '');
  return {
    type: new DataView(info.buffer).getUint32(INFO.type, true),
    id: new DataView(info.buffer).getUint32(INFO.id, true),
    name,
    mapIds: each(maps, 4, (at) => u32(maps, at)),
    functions,
    ksyms: each(ksyms, 8, (at) => u64(ksyms, at)),
    xlated,
    starts: each(funcs, count(INFO.funcBytes), (at) => u32(funcs, at)),
    lines: pairLines(
      each(lines, count(INFO.lineBytes), (at) => u32(lines, at)),
      each(jitedLines, count(INFO.jitedLineBytes), (at) => u64(jitedLines, at)),
    ),
  };
}
