import { runChecks } from '../../check';
import { checkInput } from '../../examine';
import { ANYTHING, type ExecResult } from '../../exec-requests';
import { type CapturedInput, isSame } from '../../import-captures';
import type { RunStatus } from '../../machine/machine';
import { type Rerun, ROOM } from '../../run/rerun';
import type { Run } from '../../run/run';
import type { Image } from './image';
import { type ImageMutant, mutate, touched } from './mutants';
import { difference } from './outcome';
import type { Unmovable } from './relayout';

/** Something that is wrong in a run of an image, whatever its layout. */
export interface ImageFinding {
  readonly check: string;
  readonly message: string;
  /** The same for the same thing in another run. */
  readonly key: string;
}

/** What became of a mutant. */
export type Fate =
  | { readonly kind: 'unmovable'; readonly why: Unmovable }
  | { readonly kind: 'not run' }
  /** `finding`: what a check finds although nobody outside can tell. */
  | { readonly kind: 'equal'; readonly finding: ImageFinding | null }
  | { readonly kind: 'killed'; readonly finding: ImageFinding }
  /** `changed`: what somebody outside sees first; `mends`: the image has findings of its own, which the mutant has not. */
  | { readonly kind: 'survived'; readonly changed: string; readonly mends: boolean };

/** Ends of runs in which `termination` finds that they have none. Their traces are long, and nobody has to look at them. */
const ENDLESS: ReadonlySet<RunStatus['kind']> = new Set(['budget', 'events-full']);
const NO_END: ImageFinding = { check: 'termination', message: 'the run has no end', key: 'termination' };

const resultOf = ({ after, memory }: Run): Pick<ExecResult, 'retval' | 'ctx'> => ({
  retval: Number(after[0]! & 0xffffffffn),
  ctx: Buffer.from(memory.get('ctx')!).toString('hex'),
});

/** What the checks find that need to know of no layout, and what the kernel's own test run says. */
export function findingsOf(run: Run, { interpreted, kernel }: CapturedInput): ImageFinding[] {
  const found = runChecks(checkInput(run, ANYTHING, interpreted, 'seen')).map(({ check, message }) => {
    return { check, message, key: `${check}: ${message}` };
  });
  const result = resultOf(run);
  if (run.status.kind !== 'ok' || isSame(kernel, result)) return found;
  const check = kernel!.retval === result.retval ? 'memory' : 'retval';
  const message = `${check === 'retval' ? 'r0' : 'the context'} is not as in the kernel's test run`;
  return [...found, { check, message, key: message }];
}

/** Runs a mutant under one schedule after the other, up to the first in which somebody finds it. */
export function judgeMutant(image: Image, mutant: ImageMutant): Fate {
  const { fn } = mutant;
  const of = image.functions[fn]!;
  if (!touched(mutant).some((row) => image.executed.has(image.row(fn, row).address))) return { kind: 'not run' };
  const layout = mutate(of, mutant, of.bytes.length + ROOM);
  if (typeof layout === 'string') return { kind: 'unmovable', why: layout };
  const loaded = new Set<Rerun>();
  let changed: string | null = null;
  let mends = false;
  let anyway: () => ImageFinding | null = () => null;
  for (const { input, machine, schedule, outcome, known } of image.runs) {
    if (!loaded.has(machine)) machine.replace({ world: image.worldWith(input, fn, layout), program: 0, subprog: fn });
    loaded.add(machine);
    const got = machine.again(schedule);
    const findings = () => findingsOf(got.collect(), input);
    const isNew = ({ key }: ImageFinding) => !known.has(key);
    anyway = () => findings().find(isNew) ?? null;
    const differs = difference(input.built.world, outcome, got);
    if (differs === null) continue;
    if (ENDLESS.has(got.status.kind) && outcome.status.kind === 'ok') return { kind: 'killed', finding: NO_END };
    changed ??= differs;
    const found = findings();
    const finding = found.find(isNew);
    if (finding) return { kind: 'killed', finding };
    mends ||= known.size > 0 && found.length === 0;
  }
  // Nobody can tell: what checks find in the last run is of interest all the same.
  return changed === null ? { kind: 'equal', finding: anyway() } : { kind: 'survived', changed, mends };
}
