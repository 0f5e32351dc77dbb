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

/** Maps start with all values 0, the first page of an arena is allocated. */
export function capturedMemory(captured: readonly CapturedProgram[]): CapturedMemory {
  const areas: CapturedMemory['areas'][number][] = [];
  const kernel: Segment[] = [];
  for (const { maps, config, analysis } of captured) {
    for (const { name, pointer, values, size, maxEntries } of maps) {
      const area: DataArea = { name, address: values, size, ...(pointer !== null && { pointer }) };
      if (size > 0) areas.push({ area, bytes: new Uint8Array(size) });
      if (pointer === null) continue;
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
