import type { ElfMap } from '../elf';
import type { BodyMap } from './maps';

/** Most bytes that all values of a map take here. */
const MAX_BYTES = 16 << 20;

/** Maps whose values are there from the beginning, one for each index. */
const ARRAYS: ReadonlySet<string> = new Set(['array', 'percpu_array']);

/** Values stand at multiples of 8 (array_map_alloc(), kernel/bpf/arraymap.c). */
const strideOf = (bytes: number): number => Math.ceil(bytes / 8) * 8;

/**
 * A map of an object as a world begins with it: arrays with all their values, others empty. On every CPU an array is the
 * same one.
 */
export function objectMap(
  { name, kind, valueSize, maxEntries, initial }: ElfMap,
  from: string,
): BodyMap | { problem: string } {
  if (kind === 'prog_array') return { name, from, size: 0, programs: { entries: maxEntries, slots: new Map() } };
  if (kind === 'arena') return { problem: `map ${name}: arenas of objects are not supported` };
  const count = ARRAYS.has(kind) ? maxEntries : 0;
  const stride = strideOf(valueSize);
  if (stride * count > MAX_BYTES) {
    return { problem: `map ${name}: ${count} values of ${valueSize} bytes, at most ${MAX_BYTES} bytes are possible` };
  }
  // Global data has one value, which is as long as its section.
  const size = initial ? initial.length : stride * count;
  const all = new Uint8Array(size);
  if (initial) all.set(initial);
  return { name, from, size, init: all, elements: { bytes: valueSize, stride, count } };
}
