import type { BtfExt, LineRecord } from './btf-ext';
import type { ElfFunction } from './functions';
import type { SourceLine } from './problem';

/** The last of sorted records at an offset or before. */
function lastBefore(records: readonly LineRecord[], offset: number): LineRecord | undefined {
  let [from, to] = [0, records.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (records[middle]!.offset <= offset) from = middle + 1;
    else to = middle;
  }
  return records[from - 1];
}

/** The line of C that an instruction of a function is made of; undefined without line info. */
export function sourceAt(
  ext: BtfExt | undefined,
  { section, start }: ElfFunction,
  offset: number,
): SourceLine | undefined {
  const found = lastBefore(ext?.lines.get(section.name) ?? [], offset);
  if (!found || found.offset < start) return undefined;
  const { file, line, column, text } = found;
  return { file, line, column, text };
}
