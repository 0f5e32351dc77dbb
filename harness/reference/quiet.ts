import {
  BPF_CALL,
  BPF_JMP,
  BPF_PSEUDO_CALL,
  BPF_PSEUDO_MAP_FD,
  BPF_PSEUDO_MAP_VALUE,
  BPF_ST,
  BPF_STX,
  type Insn,
  isLdImm64,
  type Program,
} from '../../jit';
import { calleeName } from '../run/names';
import type { InterruptEvent } from '../spec';
import { machineOnly } from './arrangements';
import { Incomparable, type ReferenceProgram, type ReferenceSetup } from './setup';

const CLASS = 0x07;
const FP = 10;

const isCall = ({ code, src }: Insn): boolean => code === (BPF_JMP | BPF_CALL) && src !== BPF_PSEUDO_CALL;

const insnsOf = ({ subprogs }: Program): readonly Insn[] => subprogs.flatMap(({ insns }) => insns);

const storesOutside = ({ code, dst }: Insn): boolean =>
  ((code & CLASS) === BPF_ST || (code & CLASS) === BPF_STX) && dst !== FP;

const isMapLoad = (insn: Insn): boolean =>
  isLdImm64(insn) && (insn.src === BPF_PSEUDO_MAP_FD || insn.src === BPF_PSEUDO_MAP_VALUE);

/** Names of the maps that a program refers to. */
const mapsOf = (program: Program): string[] => {
  const loads = insnsOf(program).filter(isMapLoad);
  return [...new Set(loads.map(({ imm64 = 0n }) => program.maps[Number(BigInt.asUintN(32, imm64))]!))];
};

/** The arrays of programs that a program knows, and whether it knows no other map. */
function arraysOf({ program }: ReferenceProgram, { data, programArrays }: ReferenceSetup) {
  const pointers = mapsOf(program).map((map) => data.find(({ name }) => name === map)?.pointer);
  const arrays = programArrays.filter(({ pointer }) => pointers.includes(pointer));
  return { arrays, only: arrays.length === pointers.length };
}

/** Whether a program changes nothing that another one can see, but how often a helper was called. */
const isQuiet = (program: ReferenceProgram, setup: ReferenceSetup): boolean =>
  arraysOf(program, setup).only && !insnsOf(program.program).some(storesOutside);

/** Names of the programs that may run instead of a program, around it, or behind it. */
function attached(name: string, setup: ReferenceSetup): string[] {
  const { programs, scenario } = setup;
  const byEvents = scenario.events.flatMap((event): string[] => {
    if (event.kind === 'replace') return event.target.program === name ? [event.extension] : [];
    const traces = (event.kind === 'fentry' || event.kind === 'fexit') && event.target.program === name;
    return traces && event.program !== undefined ? [event.program] : [];
  });
  const { arrays } = arraysOf(programs.find((each) => each.name === name)!, setup);
  return [...byEvents, ...arrays.flatMap(({ slots }) => [...slots.values()].map((index) => programs[index]!.name))];
}

function addWithAttached(name: string, setup: ReferenceSetup, all: Set<string>): void {
  if (all.has(name)) return;
  all.add(name);
  for (const each of attached(name, setup)) addWithAttached(each, setup, all);
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
export function leftOut(setup: ReferenceSetup): LeftOut {
  const { programs } = setup;
  const { events } = setup.scenario;
  if (machineOnly(events).length === 0) return { interrupts: false, helpers: new Set() };
  const interrupts = events.filter((event): event is InterruptEvent => event.kind === 'interrupt');
  const names = new Set<string>();
  for (const { by } of interrupts) {
    if (by.kind === 'fire') throw new Incomparable('a callback interrupts at a machine instruction');
    addWithAttached(by.program, setup, names);
  }
  const interrupting = programs.filter(({ name }) => names.has(name));
  if (!interrupting.every((each) => isQuiet(each, setup)))
    throw new Incomparable('what interrupts at a machine instruction changes memory');
  const helpers = interrupting.flatMap(({ program }) =>
    insnsOf(program)
      .filter(isCall)
      .map((insn) => calleeName(program, insn)),
  );
  return { interrupts: true, helpers: new Set(helpers) };
}
