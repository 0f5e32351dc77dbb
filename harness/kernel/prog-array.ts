import type { KernelConfig } from '../../jit';
import { PAGE, PROG_BASE } from '../machine/layout';
import type { Segment } from '../machine/machine';

type Offsets = KernelConfig['offsets'];

/** Address of the struct bpf_prog of a program: each has a page of its own, as in the kernel (bpf_prog_alloc()). */
export const progAddress = (program: number): bigint => PROG_BASE + BigInt(program * PAGE);

/**
 * A struct bpf_prog, as far as indirect tail calls read it.
 * @param program its index
 * @param entry address of the program's first instruction (bpf_func)
 */
export function bpfProg(program: number, entry: bigint, { progFunc }: Offsets): Segment {
  const bytes = new Uint8Array(progFunc + 8);
  new DataView(bytes.buffer).setBigUint64(progFunc, entry, true);
  return { address: progAddress(program), bytes };
}

/** Bytes that an array of programs takes. */
export const progArrayBytes = (entries: number, { arrayPtrs }: Offsets): number => arrayPtrs + 8 * entries;

/**
 * A struct bpf_array of programs, as far as indirect tail calls read it: max_entries and ptrs.
 * @param slots index of the program in each slot that is filled; the others hold NULL
 */
export function bpfProgArray(
  pointer: bigint,
  entries: number,
  slots: ReadonlyMap<number, number>,
  offsets: Offsets,
): Segment {
  const bytes = new Uint8Array(progArrayBytes(entries, offsets));
  const view = new DataView(bytes.buffer);
  view.setUint32(offsets.mapMaxEntries, entries, true);
  for (const [index, program] of slots) view.setBigUint64(offsets.arrayPtrs + 8 * index, progAddress(program), true);
  return { address: pointer, bytes };
}
