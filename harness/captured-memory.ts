import { type ArenaData, arenaArea } from './arena';
import type { CapturedProgram } from './capture/placed';
import { PAGE } from './machine/layout';
import type { Segment } from './machine/machine';
import type { DataArea } from './run/run';

/** The memory that captured programs reach by addresses of their kernel. */
export interface CapturedMemory {
  readonly areas: readonly { readonly area: DataArea; readonly bytes: Uint8Array }[];
  /** What stands before a map's values: nobody's to write. */
  readonly kernel: readonly Segment[];
}

/** Where a kernel had a map of that name, for one that a spec writes; undefined when no image has it. */
export function capturedPlace(
  captured: readonly CapturedProgram[],
  name: string,
): Pick<DataArea, 'address' | 'pointer'> | undefined {
  const found = captured.flatMap(({ maps }) => maps.filter((map) => map.name === name));
  const map = found.find(({ pointer }) => pointer !== null) ?? found[0];
  return map && { address: map.values, ...(map.pointer !== null && { pointer: map.pointer }) };
}

/**
 * Maps begin as the capture says, with zeros where it says nothing; the first page of an arena is allocated.
 * @param written maps that are there already: of values what stands before them is left, of programs nothing
 */
export function capturedMemory(
  captured: readonly CapturedProgram[],
  written: readonly { readonly name: string; readonly programs?: object }[],
): CapturedMemory {
  const areas: CapturedMemory['areas'][number][] = [];
  const kernel: Segment[] = [];
  for (const { maps, config, analysis } of captured) {
    for (const { name, pointer, values, size, maxEntries, init, elements } of maps) {
      const there = written.find((map) => map.name === name);
      const area: DataArea = {
        ...{ name, address: values, size },
        ...(pointer !== null && { pointer }),
        ...(elements && { elements }),
      };
      const bytes = new Uint8Array(size);
      bytes.set(init.subarray(0, size));
      if ((size > 0 || elements) && !there) areas.push({ area, bytes });
      if (pointer === null || there?.programs) continue;
      const header = new Uint8Array(config.offsets.arrayPtrs);
      new DataView(header.buffer).setUint32(config.offsets.mapMaxEntries, maxEntries, true);
      kernel.push({ address: pointer, bytes: header });
    }
    const place = analysis.subprogs.find(({ arena }) => arena)?.arena;
    if (!place) continue;
    const arena: ArenaData = { name: 'arena', place, init: new Uint8Array(PAGE) };
    areas.push({ area: arenaArea(arena), bytes: arena.init });
  }
  return { areas, kernel };
}
