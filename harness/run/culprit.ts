import { EventKind } from '../machine/trace';
import { calleeName, helperAt, machineText, placeName } from './names';
import type { Run } from './run';

const hex = (value: bigint): string => `0x${value.toString(16).padStart(16, '0')}`;

/** The last event up to `event` that shows registers; -1 when there is none. */
function registersBefore({ trace }: Run, event: number): number {
  for (let i = Math.min(event, trace.count - 1); i >= 0; i--) if (trace.hasRegisters(i)) return i;
  return -1;
}

/** The program's call that led to an event inside a helper. */
function callOf({ trace, world }: Run, event: number): string {
  for (let i = event; i >= 0; i--) {
    const place = trace.kind(i) === EventKind.INSN ? world.code.at(trace.rip(i)) : undefined;
    if (place?.insn)
      return `\`call ${calleeName(world.programs[place.program]!.program, place.insn)}\` at ${placeName(world, place)}`;
  }
  return 'a call';
}

/**
 * Who gave a register the value that it has at an event: the helper, the program's instruction, or nobody since the
 * entry.
 */
export function culprit(run: Run, register: number, name: string, event: number): string | null {
  const { trace, world } = run;
  const at = registersBefore(run, event);
  if (at < 0) return null;
  const value = trace.reg(at, register);
  let after = at;
  for (let i = at - 1; i >= 0; i--) {
    if (!trace.hasRegisters(i)) continue;
    if (trace.reg(i, register) !== value) {
      const helper = helperAt(run, i);
      if (helper !== undefined) return `${callOf(run, i)} left ${hex(value)} in ${name}`;
      const place = world.code.at(trace.rip(i));
      return place ? `\`${machineText(place)}\` at ${placeName(world, place)} left ${hex(value)} in ${name}` : null;
    }
    after = i;
  }
  return after >= 0 ? `nobody: ${name} is ${hex(value)} since the entry` : null;
}
