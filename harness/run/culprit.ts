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

/**
 * Who gave a register the value that it has at an event: the helper, the program's instruction, or nobody since the
 * entry from C that the event belongs to.
 */
export function culprit(run: Run, register: number, name: string, event: number): string | null {
  const { trace, world } = run;
  const entryOf = entriesOf(run);
  const shown = event < trace.count && trace.hasRegisters(event);
  const at = shown ? event : registersBefore(run, entryOf, event);
  if (at < 0) return null;
  const value = trace.reg(at, register);
  for (let i = registersBefore(run, entryOf, at); i >= 0; i = registersBefore(run, entryOf, i)) {
    if (trace.reg(i, register) !== value) {
      const helper = helperAt(run, i);
      if (helper !== undefined) return `${callOf(run, entryOf, i, helper)} left ${hex(value)} in ${name}`;
      const place = world.code.at(trace.rip(i));
      return place ? `\`${machineText(place)}\` at ${placeName(world, place)} left ${hex(value)} in ${name}` : null;
    }
  }
  return `nobody: ${name} is ${hex(value)} since the entry`;
}
