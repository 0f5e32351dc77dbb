import { getSystemErrorName } from 'node:util';
import { addressOf, bpf } from '../native';

const BPF_OBJ_GET_INFO_BY_FD = 15;

/** Offsets in struct bpf_prog_info (include/uapi/linux/bpf.h). */
const INFO = {
  size: 232,
  jitedLength: 16,
  xlatedLength: 20,
  jited: 24,
  xlated: 32,
  ksymCount: 104,
  lengthCount: 108,
  ksyms: 112,
  lengths: 120,
} as const;

/** What a kernel made of a program. */
export interface KernelImage {
  /** Machine code, by function. */
  readonly functions: readonly Uint8Array[];
  /** Where each function is. */
  readonly ksyms: readonly bigint[];
  /** BPF after the verifier's rewrites. */
  readonly xlated: Uint8Array;
}

function ask(fd: number, info: Uint8Array): void {
  const attr = new Uint8Array(16);
  const fields = new DataView(attr.buffer);
  fields.setUint32(0, fd, true);
  fields.setUint32(4, info.length, true);
  fields.setBigUint64(8, addressOf(info), true);
  const error = bpf(BPF_OBJ_GET_INFO_BY_FD, attr);
  if (error < 0) throw new Error(`the kernel does not show a program of ours: ${getSystemErrorName(error)}`);
}

const ZEROES = (bytes: Uint8Array): boolean => bytes.length === 0 || bytes.every((byte) => byte === 0);

/** Reads a program back: sizes first, then the contents. @throws Error when the kernel hides them */
export function readImage(fd: number): KernelImage {
  const sizes = new Uint8Array(INFO.size);
  ask(fd, sizes);
  const size = new DataView(sizes.buffer);
  const jited = new Uint8Array(size.getUint32(INFO.jitedLength, true));
  const xlated = new Uint8Array(size.getUint32(INFO.xlatedLength, true));
  const ksyms = new BigUint64Array(size.getUint32(INFO.ksymCount, true));
  const lengths = new Uint32Array(size.getUint32(INFO.lengthCount, true));

  const info = new Uint8Array(INFO.size);
  const fields = new DataView(info.buffer);
  const raw = (list: BigUint64Array | Uint32Array) => addressOf(new Uint8Array(list.buffer));
  fields.setUint32(INFO.jitedLength, jited.length, true);
  fields.setUint32(INFO.xlatedLength, xlated.length, true);
  fields.setUint32(INFO.ksymCount, ksyms.length, true);
  fields.setUint32(INFO.lengthCount, lengths.length, true);
  fields.setBigUint64(INFO.jited, addressOf(jited), true);
  fields.setBigUint64(INFO.xlated, addressOf(xlated), true);
  fields.setBigUint64(INFO.ksyms, raw(ksyms), true);
  fields.setBigUint64(INFO.lengths, raw(lengths), true);
  ask(fd, info);
  if (ZEROES(jited)) throw new Error('the kernel shows no machine code: is its JIT on?');

  let next = 0;
  const functions = [...lengths].map((length) => jited.slice(next, (next += length)));
  return { functions, ksyms: [...ksyms], xlated };
}
