import { POLICIES, programErrors } from '../jit';
import { assembleBodies } from './bodies';
import { readImage } from './images';
import { pointText } from './report/words';
import {
  ALL_POLICIES,
  CAPTURED,
  formatIssue,
  hasImage,
  type Issue,
  type LoadedSpec,
  type Lowered,
  type LoweredSpec,
  lowerSpec,
  onlyImages,
  type SpecCase,
  writtenPolicies,
} from './spec';

/** A policy as a spec's list has it: a name, or choices. */
export type WrittenPolicy = ReturnType<typeof writtenPolicies>[number];

/** Names of the policies that there are. */
export const NAMED = POLICIES.map(({ name }) => name);

export const nameOf = ({ policy }: SpecCase): string => (typeof policy === 'string' ? policy : policy.name);

/** The policies that a spec lists or writes out, by name. */
export const ownPolicies = ({ spec }: LoadedSpec): ReadonlyMap<string, WrittenPolicy> =>
  new Map(
    writtenPolicies(spec)
      .filter((each) => each !== ALL_POLICIES)
      .map((each) => [typeof each === 'string' ? each : each.name, each]),
  );

/** A spec with another list of policies. Expectations may name what it writes out itself, also where that does not run. */
export function listing(loaded: LoadedSpec, policies: readonly WrittenPolicy[]): LoadedSpec {
  const names = new Set(policies.map((each) => (typeof each === 'string' ? each : each.name)));
  const others = [...ownPolicies(loaded)].filter(([name, each]) => typeof each !== 'string' && !names.has(name));
  return { ...loaded, spec: { ...loaded.spec, policies: [...policies, ...others.map(([, each]) => each)] } };
}

/**
 * A spec with its list of policies replaced: those that it does not mention run under its general expectations. A policy
 * that another spec writes out is none of this one's; a spec for which none is left does not run.
 */
export function withPolicies(loaded: LoadedSpec, policies: readonly string[] | undefined): LoadedSpec[] {
  if (!policies) return [loaded];
  if (onlyImages(loaded.spec)) return policies.includes(CAPTURED) ? [loaded] : [];
  const own = ownPolicies(loaded);
  const named = hasImage(loaded.spec) ? [...NAMED, CAPTURED] : NAMED;
  const wanted = policies.filter((name) => own.has(name) || named.includes(name));
  if (wanted.length === 0) return [];
  return [
    listing(
      loaded,
      wanted.map((name) => own.get(name) ?? name),
    ),
  ];
}

/** A spec with its meaning, at each point of its sweep. */
export const lowerLoaded = (loaded: LoadedSpec): Lowered =>
  lowerSpec(loaded, { policies: NAMED, analyse: (each) => programErrors(each.program, each), images: readImage });

/** Assembles helper bodies, those of the same text once. */
export function bodyCache(): typeof assembleBodies {
  const known = new Map<string, ReturnType<typeof assembleBodies>>();
  return (helpers) => {
    const key = JSON.stringify(helpers.map(({ name, asm }) => [name, asm]));
    const bodies = known.get(key) ?? assembleBodies(helpers);
    known.set(key, bodies);
    return bodies;
  };
}

/** What is wrong with a spec is wrong in each of its cases: it is told once. */
export const unique = (issues: readonly Issue[]): Issue[] => [
  ...new Map(issues.map((issue) => [formatIssue(issue), issue])).values(),
];

const quote = (text: string): string => (/^[\w./:@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);

/** The command that shows one case again. */
export function replayCommand(
  command: string,
  spec: LoweredSpec,
  scenario: string,
  policy: string,
  cpu: number,
): string {
  const scenarios = new Set(spec.cases.map((each) => each.scenario.name));
  const which =
    (scenarios.size > 1 ? ` --scenario ${quote(scenario)}` : '') +
    (Object.keys(spec.point).length > 0 ? ` --point ${quote(pointText(spec.point))}` : '') +
    (spec.seed === 1 || spec.seed === spec.point.seed ? '' : ` --seed ${spec.seed}`);
  return `${quote(command)} run ${quote(spec.file)} -t ${quote(spec.name)} --policy ${quote(policy)} --cpu ${cpu}${which} --trace`;
}
