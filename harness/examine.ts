import { GPR_NAMES, Gpr } from '../jit';
import { type CheckInput, type Finding, runChecks } from './check';
import type { FindingReport, SourcePlace } from './report/model';
import { type Activation, findActivations } from './run/activations';
import { culprit } from './run/culprit';
import { entriesOf } from './run/entries';
import { termEnvironment } from './run/environment';
import { type FrameUse, frameUses } from './run/frame-uses';
import { plannedFrame } from './run/frames';
import type { Interpreted } from './run/interpreted';
import { bpfText, machineText, writtenPc } from './run/names';
import type { Run, World } from './run/run';
import type { Expectation, SourcePosition } from './spec';

/** A finding, and the run that it is of. */
export interface Found {
  readonly finding: Finding;
  readonly input: CheckInput;
}

/** Checks that compare with values of the spec. Those are of a program that does what it should, or of what is found wrong. */
const OF_VALUES: ReadonlySet<string> = new Set(['frame-pointer', 'memory', 'retval']);

const judgesValues = (verdict: Expectation['verdict']['value']): boolean =>
  verdict.kind === 'holds' || (verdict.kind === 'fails' && OF_VALUES.has(verdict.check ?? ''));

/** Where frames are: where the analysis plans them, or where they are first seen, which needs to know no layout. */
export type Frames = 'planned' | 'seen';

function firstSeen(uses: readonly FrameUse[]): CheckInput['frameOf'] {
  const seen = new Map<Activation, bigint>();
  for (const { activation, framePointer } of uses) if (!seen.has(activation)) seen.set(activation, framePointer);
  return (activation) => seen.get(activation) ?? null;
}

/** Everything that checks need, for one run. */
export function checkInput(
  run: Run,
  expectation: Expectation,
  interpreted: Interpreted,
  frames: Frames = 'planned',
): CheckInput {
  const { all, of } = findActivations(run.trace, run.world.code, run.marks);
  const caller = (register: string) => run.before[Gpr[register as keyof typeof Gpr]];
  const { cpu, program } = run;
  const uses = frameUses(run, of);
  return {
    run,
    activations: all,
    activationOf: of,
    entryOf: entriesOf(run),
    uses,
    frameOf: frames === 'seen' ? firstSeen(uses) : (activation) => plannedFrame(run.world, activation),
    expectation,
    interpreted,
    judgeValues: judgesValues(expectation.verdict.value),
    environment: termEnvironment(run.world, { cpu, program, activations: all, caller }),
  };
}

/** A place as reports have it: of compiled code with its line, or with the place in the object. */
export function sourcePlace({ file, line, column, text, place }: SourcePosition): SourcePlace {
  const shown = text ?? place;
  return { file, line, column, ...(shown !== undefined && { text: shown }) };
}

/** All findings of a run, the first one first. */
export const findings = (input: CheckInput): Found[] => runChecks(input).map((finding) => ({ finding, input }));

/**
 * A finding as data.
 * @param at its place among the findings of its case: all but the first may be consequences
 * @param source where the instruction is written
 */
export function findingReport(
  { finding, input }: Found,
  at: number,
  replay: string,
  source: (world: World, place: Finding['place']) => SourcePlace | null,
): FindingReport {
  const { place, register, event } = finding;
  const { world } = input.run;
  return {
    check: finding.check,
    consequence: at > 0,
    program: world.programs[place?.program ?? input.run.program]!.name,
    subprog: place?.fn.name ?? null,
    bpfPc: place && place.pc >= 0 ? writtenPc(world.programs[place.program]!, place) : null,
    bpf: place && bpfText(world, place),
    machineOffset: place?.row.offset ?? null,
    machine: place && machineText(place),
    yaml: source(world, place),
    message: finding.message,
    want: finding.want,
    got: finding.got,
    culprit: register === undefined ? null : culprit(input.run, register, GPR_NAMES[register]!, event),
    replay,
  };
}
