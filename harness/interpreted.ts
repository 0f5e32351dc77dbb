import type { Built } from './build';
import type { CapturedProgram } from './capture/placed';
import { interpretScenario, type ReferenceProgram } from './reference';
import type { Interpreted } from './run/interpreted';
import { variableBytes } from './run/kernel-variables';
import type { LoweredScenario, LoweredSpec, Position } from './spec';

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

/** Where captured programs run. */
const CPU = 0;
const NOWHERE: Position = { file: '<capture>', line: 1, column: 1 };

/** What one run of a captured program comes to, as its verifier left it: calls are known by their names again. */
export function interpretedCapture({ program, analysis, located }: CapturedProgram, built: Built): Interpreted {
  const { world, contents } = built;
  const { name } = world.programs[0]!;
  const callback = analysis.subprogs.findIndex((each) => each.exceptionCallback);
  const lowered: ReferenceProgram = {
    ...{ name, type: located.type, program, throws: [], asyncCallbacks: [], position: NOWHERE },
    ...(callback > 0 && { exceptionCallback: callback }),
  };
  const event = { kind: 'run', program: name, times: 1, position: NOWHERE } as const;
  const scenario = { events: [event], clobbers: [], helpers: [] };
  const { programArrays, seed, variables } = world;
  // Inlined helpers read them where they are.
  const data = [...world.data, ...variables];
  const all = new Map([...contents, ...variables.map((each) => [each.name, variableBytes(each, CPU)] as const)]);
  const setup = { programs: [lowered], scenario, seed, cpu: CPU, data, contents: all, programArrays };
  const interpreted = interpretScenario(setup)[0]!;
  if (interpreted.kind === 'none') return interpreted;
  const own = [...interpreted.memory].filter(([name]) => contents.has(name));
  return { ...interpreted, memory: new Map(own) };
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
