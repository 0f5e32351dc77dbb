import { LINUX_6_18, policyNamed } from '../../jit';
import { arenaOfMaps } from '../arena';
import { buildWorld, verifyAll } from '../build';
import { lowered } from '../check/testing';
import { findActivations } from './activations';
import { tracedSubprogs } from './arrangements';
import { frameUses } from './frame-uses';
import { runScenario } from './runner';

/** The runs of a spec's first scenario, each with what is found out about it. */
export const runsOf = (text: string, policyName: string, cpu = 0) => resultOf(text, policyName, cpu).runs;

/** Those, and the events that never happened. */
export function resultOf(text: string, policyName: string, cpu = 0) {
  const spec = lowered(text)[0]!;
  const policy = policyNamed(policyName)!;
  const config = LINUX_6_18;
  const { scenario } = spec.cases[0]!;
  const { clobbers, events, context, helpers } = scenario;
  const arena = arenaOfMaps(spec.maps);
  const initial = { seed: spec.seed, context, maps: spec.maps.filter((map) => !map.arena), arena };
  const verified = verifyAll(spec.programs, policy, config, initial);
  const { world, contents, percpuBytes, kernelData } = buildWorld(verified, initial, {
    policy,
    config,
    bodies: new Map(),
    trampolines: tracedSubprogs(events),
  });
  const returns = new Map(helpers.flatMap(({ name, returns }) => (returns === undefined ? [] : [[name, returns]])));
  const { runs, missed } = runScenario({
    world,
    config,
    contents,
    percpuBytes,
    kernelData,
    clobbers,
    returns,
    events,
    cpu,
  });
  const shown = runs.map((run) => {
    const { all, of } = findActivations(run.trace, world.code, run.marks);
    return { run, all, of, uses: frameUses(run, of) };
  });
  return { runs: shown, missed };
}
