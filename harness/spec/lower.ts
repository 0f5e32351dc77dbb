import { type Claim, lowerClaim } from './claim';
import { LowerContext } from './context';
import type { Expectation } from './expectation';
import { Expectations } from './expectations';
import type { ImageReader } from './image-body';
import { type Issue, issueAt, type Position, sortIssues } from './issues';
import { type ClobberRule, type HelperBody, lowerClobbers, lowerContextBytes, lowerHelpers } from './kernel-side';
import type { LoadedSpec } from './load';
import { lowerMaps, type MapSpec } from './maps';
import { lowerPolicies, type PolicyRef, type SpecPolicies } from './policies';
import { type Analyse, type LoweredProgram, type LoweredPrograms, lowerPrograms } from './programs';
import { type LoweredScenario, lowerScenarios, scenarioNames } from './scenarios';
import type { Spec } from './schema';
import { type Point, sweepPoints } from './sweep';

export interface LowerOptions {
  /** Names of the policies that there are. */
  readonly policies: readonly string[];
  /** Finds what is wrong with a program under every policy. */
  readonly analyse?: Analyse;
  /** Finds captured images. Without it no spec has any. */
  readonly images?: ImageReader;
}

/** One scenario under one policy, and what is expected of it. */
export interface SpecCase {
  readonly scenario: LoweredScenario;
  readonly policy: PolicyRef;
  readonly expectation: Expectation;
}

/** A spec at one point of its sweep: everything that a run needs, with the place where each thing is written. */
export interface LoweredSpec {
  readonly name: string;
  readonly file: string;
  readonly position: Position;
  /** The sweep's values; empty without a sweep. */
  readonly point: Point;
  readonly claims: readonly string[];
  readonly claim?: Claim;
  readonly seed: number;
  readonly cpus: readonly number[];
  /** The first one runs by default. */
  readonly programs: readonly LoweredProgram[];
  readonly helpers: readonly HelperBody[];
  readonly clobbers: readonly ClobberRule[];
  readonly maps: readonly MapSpec[];
  readonly context: Uint8Array;
  readonly cases: readonly SpecCase[];
}

export type Lowered =
  | { readonly ok: true; readonly value: LoweredSpec[] }
  | { readonly ok: false; readonly issues: Issue[] };

const DEFAULT_SEED = 1;

/** Gives a spec its meaning: bodies become programs, names are looked up, expectations resolved; one for each point. */
export function lowerSpec(loaded: LoadedSpec, options: LowerOptions): Lowered {
  const { spec, source } = loaded;
  const context = new LowerContext(source, loaded.files, options.images);
  const policies = lowerPolicies(spec, options.policies, context);
  const value: LoweredSpec[] = [];
  // Points that differ in nothing but the seed share their programs and cases.
  const shared = new Map<string, Shared | undefined>();
  for (const point of sweepPoints(spec, context)) {
    const { seed, ...depths } = point;
    const key = JSON.stringify(depths);
    if (!shared.has(key)) shared.set(key, lowerShared(spec, depths, policies, options, context));
    const parts = shared.get(key);
    if (context.failed || !parts) break;
    value.push({
      name: spec.name,
      file: loaded.file,
      position: loaded.position,
      point,
      claims: spec.claims ?? [],
      seed: seed ?? spec.seed ?? DEFAULT_SEED,
      cpus: [...new Set(spec.cpus ?? [0])],
      ...parts,
    });
  }
  return context.failed ? { ok: false, issues: sortIssues(context.issues) } : { ok: true, value };
}

type Shared = Pick<LoweredSpec, 'claim' | 'programs' | 'helpers' | 'clobbers' | 'maps' | 'context' | 'cases'>;

function lowerShared(
  spec: Spec,
  point: Point,
  policies: SpecPolicies,
  options: LowerOptions,
  context: LowerContext,
): Shared | undefined {
  // Names in all the rest are those of the programs: without them there would be one complaint for each use.
  const programs = lowerPrograms(spec, point, context, options.analyse);
  if (!programs) return undefined;
  const helpers = lowerHelpers(spec.helpers, ['helpers'], context);
  const clobbers = lowerClobbers(spec.clobbers, ['clobbers'], programs.kernel, programs.names, context);
  const maps = lowerMaps(spec, programs, context);
  const scenarios = lowerScenarios(spec, programs, { helpers, clobbers }, context);
  const cases = lowerCases(spec, programs, policies, scenarios, maps, context);
  const bytes = lowerContextBytes(spec.context);
  const claim = spec.claim && lowerClaim(spec.claim, programs.names, context);
  return { ...(claim && { claim }), programs: programs.programs, helpers, clobbers, maps, context: bytes, cases };
}

function lowerCases(
  spec: Spec,
  programs: LoweredPrograms,
  policies: SpecPolicies,
  scenarios: readonly LoweredScenario[],
  maps: readonly MapSpec[],
  context: LowerContext,
): SpecCase[] {
  const known = new Set(policies.byName.keys());
  const scope = { programs, policies: known, scenarios: scenarioNames(spec), maps };
  const expectations = new Expectations(spec.expect, scope, context);
  return scenarios.flatMap((scenario) => {
    const names = new Set([...policies.listed, ...expectations.policiesOf(scenario.name)]);
    return [...names].flatMap((name): SpecCase[] => {
      const policy = policies.byName.get(name);
      if (policy === undefined) return [];
      const expectation = expectations.resolve(scenario.name, name);
      checkSizes(expectation, scenario, maps, context);
      return [{ scenario, policy, expectation }];
    });
  });
}

/** Expected memory must fit into what it is compared with. */
function checkSizes(
  { memory }: Expectation,
  scenario: LoweredScenario,
  maps: readonly MapSpec[],
  context: LowerContext,
): void {
  for (const [name, { value, position }] of memory ?? []) {
    const size = name === 'ctx' ? scenario.context.length : maps.find((each) => each.name === name)?.size;
    if (size === undefined || value.length <= size) continue;
    const issue = issueAt(position, ['expect', 'memory', name], `${value.length} bytes`, {
      expected: `at most the ${size} of ${name}`,
    });
    if (!context.issues.some((each) => JSON.stringify(each) === JSON.stringify(issue))) context.issues.push(issue);
  }
}
