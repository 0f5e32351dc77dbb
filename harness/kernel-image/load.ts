import { closeSync } from 'node:fs';
import { getSystemErrorName } from 'node:util';
import { addressOf, bpf } from '../native';
import type { LiveType } from './generate';
import { type KernelImage, readImage } from './read-image';

const BPF_PROG_LOAD = 5;
const BPF_LOG_STATS = 4;
const BPF_F_SLEEPABLE = 1 << 4;
const LOG_BYTES = 1 << 16;

const TYPES: Readonly<Record<LiveType, { readonly number: number; readonly flags: number }>> = {
  SOCKET_FILTER: { number: 1, flags: 0 },
  KPROBE: { number: 2, flags: 0 },
  TRACEPOINT: { number: 5, flags: 0 },
  RAW_TRACEPOINT: { number: 17, flags: 0 },
  SYSCALL: { number: 31, flags: BPF_F_SLEEPABLE },
};

export interface Program {
  readonly type: LiveType;
  readonly insns: readonly string[];
}

/** What became of a program that was handed to the kernel. */
export type Loaded =
  | { readonly ok: true; readonly image: KernelImage; readonly depths: readonly number[] }
  | { readonly ok: false; readonly errno: string; readonly log: string };

/** A file descriptor of the program, or -errno, and what the verifier wrote. */
function load({ type, insns }: Program, logLevel: number): { fd: number; log: string } {
  const code = Uint8Array.from(Buffer.from(insns.join(''), 'hex'));
  const license = Uint8Array.from(Buffer.from('GPL\0'));
  const log = new Uint8Array(LOG_BYTES);
  const attr = new Uint8Array(144);
  const fields = new DataView(attr.buffer);
  const { number, flags } = TYPES[type];
  fields.setUint32(0, number, true);
  fields.setUint32(4, code.length / 8, true);
  fields.setBigUint64(8, addressOf(code), true);
  fields.setBigUint64(16, addressOf(license), true);
  fields.setUint32(24, logLevel, true);
  fields.setUint32(28, log.length, true);
  fields.setBigUint64(32, addressOf(log), true);
  fields.setUint32(44, flags, true);
  const fd = bpf(BPF_PROG_LOAD, attr);
  const end = log.indexOf(0);
  return { fd, log: Buffer.from(log.subarray(0, end < 0 ? log.length : end)).toString('latin1') };
}

/** `stack depth 64+8 max 72`: by function, in multiples of 8 or as accessed. */
export function depthsOf(log: string): number[] {
  const found = /^stack depth ([\d+]+)/m.exec(log);
  return found ? found[1]!.split('+').map(Number) : [];
}

/** Loads a program, reads back what the kernel made of it, and lets go of it: it is attached to nothing, and never run. */
export function loadAndRead(program: Program): Loaded {
  const { fd, log } = load(program, BPF_LOG_STATS);
  if (fd < 0) {
    // Without level 1 the log has no reason.
    const again = load(program, 1);
    if (again.fd >= 0) closeSync(again.fd);
    return { ok: false, errno: getSystemErrorName(fd), log: again.log };
  }
  try {
    return { ok: true, image: readImage(fd), depths: depthsOf(log) };
  } finally {
    closeSync(fd);
  }
}
