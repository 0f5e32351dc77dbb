import type { Built } from './build';
import { interpretScenario } from './reference';
import type { Interpreted } from './run/interpreted';
import type { LoweredScenario, LoweredSpec } from './spec';

/** What is known already: programs, data and events are the same under every policy. */
const KNOWN = new WeakMap<LoweredSpec, Map<string, readonly Interpreted[]>>();

/** Runs that are not compared. */
export const notCompared = (reason: string): Interpreted => ({ kind: 'none', reason });

function interpret(spec: LoweredSpec, scenario: LoweredScenario, cpu: number, { world, contents }: Built) {
  if (spec.programs.some(({ image, program }) => image?.program === program))
    return [notCompared('a program is an image')];
  if (spec.maps.some(({ arena }) => arena)) return [notCompared('there is an arena')];
  const { programs, seed } = spec;
  const { data, programArrays } = world;
  return interpretScenario({ programs, scenario, seed, cpu, data, contents, programArrays });
}

/** What the runs of a scenario come to in the reference interpreter; found out once for all policies. */
export function interpretedRuns(
  spec: LoweredSpec,
  scenario: LoweredScenario,
  cpu: number,
  built: Built,
): readonly Interpreted[] {
  const known = KNOWN.get(spec) ?? new Map<string, readonly Interpreted[]>();
  KNOWN.set(spec, known);
  // Images have the maps elsewhere.
  const maps = built.world.data.map(({ address }) => address);
  const key = `${scenario.name} on ${cpu} with ${maps.join(' ')}`;
  const runs = known.get(key) ?? interpret(spec, scenario, cpu, built);
  known.set(key, runs);
  return runs;
}

/** Of a run by its number: behind one that is not compared there is none that is. */
export const interpretedRun = (runs: readonly Interpreted[], nth: number): Interpreted =>
  runs[nth] ?? runs.at(-1) ?? notCompared('it did not run');
