import type { Entry, Run } from './run';

/** The entry from C that each event belongs to. What is between two registers of one entry, other entries set aside, is one computation. */
export function entriesOf({ trace, marks, entries }: Pick<Run, 'trace' | 'marks' | 'entries'>): Entry[] {
  const open: Entry[] = [];
  const of: Entry[] = [];
  let next = 0;
  for (let event = 0; event < trace.count; event++) {
    for (; next < marks.length && marks[next]!.event <= event; next++) {
      const mark = marks[next]!;
      if (mark.kind === 'enter') open.push(mark.entry);
      else if (mark.kind === 'leave') open.pop();
    }
    of.push(open[open.length - 1] ?? entries[0]!);
  }
  return of;
}

/** The next event of the same entry that shows registers; -1 when there is none. */
export function registersAfter({ trace }: Run, entryOf: readonly Entry[], event: number): number {
  const entry = entryOf[event];
  for (let i = event + 1; i < trace.count; i++) if (entryOf[i] === entry && trace.hasRegisters(i)) return i;
  return -1;
}

/** The last event of the same entry before this one that shows registers; -1 when there is none. */
export function registersBefore({ trace }: Run, entryOf: readonly Entry[], event: number): number {
  const entry = entryOf[Math.min(event, trace.count - 1)];
  for (let i = Math.min(event, trace.count) - 1; i >= 0; i--)
    if (entryOf[i] === entry && trace.hasRegisters(i)) return i;
  return -1;
}

/**
 * The entry whose tail calls an entry's own count with. C code of a trampoline hands the counter on to what it was called
 * from (BPF_TRAMP_F_TAIL_CALL_CTX); all other C code begins anew.
 */
export function countedWith({ marks }: Pick<Run, 'marks'>, entry: Entry): Entry {
  const open: Entry[] = [];
  for (const mark of marks) {
    if (mark.kind === 'leave') open.pop();
    if (mark.kind !== 'enter') continue;
    if (mark.entry === entry) break;
    open.push(mark.entry);
  }
  let counted = entry;
  while (counted.kind === 'traced' && open.length > 0) counted = open.pop()!;
  return counted;
}
