import { X86_64 } from '../../jit';
import { EventKind } from '../machine/trace';
import type { Activation } from '../run/activations';
import type { CodePlace } from '../run/code-map';
import { registersBefore } from '../run/entries';
import { type Handback, handbacks } from '../run/handbacks';
import type { CheckInput } from './finding';

/** A callee-saved register that whoever made a call gets back with another value. */
export interface Loss {
  readonly handback: Handback;
  readonly register: number;
  readonly want: bigint;
  readonly got: bigint;
  /** The first event that shows the value which stays until then; Infinity behind the last one. */
  readonly since: number;
}

/** Since when a register has had the value that it has at an event: the first event that shows it. */
export function valueSince({ run, entryOf }: CheckInput, event: number, register: number, value: bigint): number {
  let first = event;
  for (let i = registersBefore(run, entryOf, event); i >= 0; i = registersBefore(run, entryOf, i)) {
    if (run.trace.reg(i, register) !== value) return first;
    first = i;
  }
  return first;
}

/** Every loss, once: whoever called the caller loses the same by it. */
export function losses(input: CheckInput): Loss[] {
  const known = new Set<string>();
  return handbacks(input).flatMap((handback) =>
    X86_64.calleeSaved.flatMap((register): Loss[] => {
      const [want, got] = [handback.before(register), handback.after(register)];
      if (want === got) return [];
      const loss = { handback, register, want, got, since: valueSince(input, handback.event, register, got) };
      const key = `${register} ${loss.since}`;
      if (known.has(key)) return [];
      known.add(key);
      return [loss];
    }),
  );
}

/** The last instruction of an activation. */
export function lastPlace({ run, activationOf }: CheckInput, activation: Activation | null): CodePlace | null {
  if (!activation) return null;
  const { trace, world } = run;
  for (let i = Math.min(activation.end, trace.count) - 1; i >= activation.start; i--) {
    if (trace.kind(i) !== EventKind.INSN || activationOf[i] !== activation) continue;
    const place = world.code.at(trace.rip(i));
    if (place) return place;
  }
  return null;
}

/** Who lost it, for people. */
export function callerName({ run }: CheckInput, { caller, entry }: Handback): string {
  if (!caller) return entry.kind === 'run' ? 'the caller' : entry.by;
  return run.world.programs[caller.program]!.program.subprogs[caller.subprog]!.name;
}
