import { EventKind } from '../machine/trace';
import { entriesOf, registersBefore } from './entries';
import { calleeName, helperAt, machineText, placeName } from './names';
import type { Entry, Run } from './run';

const hex = (value: bigint): string => `0x${value.toString(16).padStart(16, '0')}`;

/** What of the kernel ran at an event, and the program's call that led there. */
function callOf({ trace, world }: Run, entryOf: readonly Entry[], event: number, helper: string): string {
  if (world.helpers.some(({ name, stub }) => name === helper && stub !== undefined)) return helper;
  for (let i = event; i >= 0; i--) {
    if (entryOf[i] !== entryOf[event]) continue;
    const place = trace.kind(i) === EventKind.INSN ? world.code.at(trace.rip(i)) : undefined;
    if (place?.insn)
      return `\`call ${calleeName(world.programs[place.program]!.program, place.insn)}\` at ${placeName(world, place)}`;
  }
  return 'a call';
}

/** Who wrote a register last before an event, and when; null where nobody has since the entry from C. */
function writer(run: Run, entryOf: readonly Entry[], register: number, at: number): Written | null {
  const { trace, world } = run;
  const value = trace.reg(at, register);
  for (let i = registersBefore(run, entryOf, at); i >= 0; i = registersBefore(run, entryOf, i)) {
    if (trace.reg(i, register) === value) continue;
    const helper = helperAt(run, i);
    if (helper !== undefined) return { who: callOf(run, entryOf, i, helper), event: i, adjusts: false };
    const place = world.code.at(trace.rip(i));
    if (!place) return { who: null, event: i, adjusts: false };
    const who = `\`${machineText(place)}\` at ${placeName(world, place)}`;
    return { who, event: i, adjusts: place.row.adjusts === register };
  }
  return null;
}

interface Written {
  /** Null for code that is not known. */
  readonly who: string | null;
  readonly event: number;
  readonly adjusts: boolean;
}

/**
 * Who gave a register the value that it has at an event: the helper, the program's instruction, or nobody since the
 * entry from C that the event belongs to. Where that only added a constant, also who left what it was added to.
 */
export function culprit(run: Run, register: number, name: string, event: number): string | null {
  const { trace } = run;
  const entryOf = entriesOf(run);
  const shown = event < trace.count && trace.hasRegisters(event);
  const at = shown ? event : registersBefore(run, entryOf, event);
  if (at < 0) return null;
  const value = hex(trace.reg(at, register));
  const last = writer(run, entryOf, register, at);
  if (!last) return `nobody: ${name} is ${value} since the entry`;
  if (last.who === null) return null;
  let first: Written | null = last;
  while (first?.adjusts) first = writer(run, entryOf, register, first.event);
  const before =
    first === last ? '' : `, from what ${first?.who ?? 'was there at the entry'}${first?.who ? ' left' : ''}`;
  return `${last.who} left ${value} in ${name}${before}`;
}
