import { BPF_CALL, BPF_JMP, BPF_PSEUDO_CALL, BPF_ST, BPF_STX, type Insn, type Program } from '../../jit';
import { calleeName } from '../run/names';
import type { InterruptEvent, LoweredProgram, ScenarioEvent } from '../spec';
import { machineOnly } from './arrangements';
import { Incomparable } from './setup';

const CLASS = 0x07;
const FP = 10;

const isCall = ({ code, src }: Insn): boolean => code === (BPF_JMP | BPF_CALL) && src !== BPF_PSEUDO_CALL;

const insnsOf = ({ subprogs }: Program): readonly Insn[] => subprogs.flatMap(({ insns }) => insns);

const storesOutside = ({ code, dst }: Insn): boolean =>
  ((code & CLASS) === BPF_ST || (code & CLASS) === BPF_STX) && dst !== FP;

/** Whether a program changes nothing that another one can see, but how often a helper was called. */
const isQuiet = ({ program }: LoweredProgram): boolean =>
  program.maps.length === 0 && !insnsOf(program).some(storesOutside);

/** A program, and those that may run in its place or around it. */
function withAttached(name: string, events: readonly ScenarioEvent[], all: Set<string>): Set<string> {
  if (all.has(name)) return all;
  all.add(name);
  for (const event of events) {
    if (event.kind === 'replace' && event.target.program === name) withAttached(event.extension, events, all);
    const traces = (event.kind === 'fentry' || event.kind === 'fexit') && event.target.program === name;
    if (traces && event.program !== undefined) withAttached(event.program, events, all);
  }
  return all;
}

/** What is left out of a scenario because it depends on the machine code how often it happens. */
export interface LeftOut {
  /** Whether the programs that interrupt are. */
  readonly interrupts: boolean;
  /** Helpers that those call: their count is another one. */
  readonly helpers: ReadonlySet<string>;
}

/**
 * Programs that interrupt at machine instructions are left out, if nobody sees what they do.
 * @throws Incomparable if somebody might
 */
export function leftOut(programs: readonly LoweredProgram[], events: readonly ScenarioEvent[]): LeftOut {
  if (machineOnly(events).length === 0) return { interrupts: false, helpers: new Set() };
  const interrupts = events.filter((event): event is InterruptEvent => event.kind === 'interrupt');
  const names = new Set<string>();
  for (const { by } of interrupts) {
    if (by.kind === 'fire') throw new Incomparable('a callback interrupts at a machine instruction');
    withAttached(by.program, events, names);
  }
  const interrupting = programs.filter(({ name }) => names.has(name));
  if (!interrupting.every(isQuiet)) throw new Incomparable('what interrupts at a machine instruction changes memory');
  const helpers = interrupting.flatMap(({ program }) =>
    insnsOf(program)
      .filter(isCall)
      .map((insn) => calleeName(program, insn)),
  );
  return { interrupts: true, helpers: new Set(helpers) };
}
