import { POLICIES, programErrors } from '../jit';
import { assembleBodies } from './bodies';
import { judgeCase } from './judge';
import type { CaseReport, Report } from './report/model';
import { pointText } from './report/words';
import {
  ALL_POLICIES,
  formatIssue,
  type Issue,
  type LoadedSpec,
  type LoweredSpec,
  loadFiles,
  lowerSpec,
  type SpecCase,
  writtenPolicies,
} from './spec';

export * from './build';
export { CHECKS } from './check';
export { type Compiled, type CompiledProgram, compileFile, listing } from './compile-text';
export { type ConformanceReport, runConformance, runPlugin } from './conform';
export { examine } from './doctor';
export { type Executed, executeFile } from './exec-file';
export { answerExec, type ExecResult } from './exec-requests';
export { answerJit } from './jit-requests';
export { type Judged, type JudgeOptions, judgeCase } from './judge';
export { attListing } from './listing';
export { answerLine } from './ndjson';
export * from './report';
export type { Request } from './request-program';
export { formatIssue, type Issue, jsonSchema, loadFiles, MACHINE_CPUS } from './spec';

export interface RunOptions {
  /** Policies to run instead of those that the specs list. */
  readonly policies?: readonly string[];
  readonly cpus?: readonly number[];
  /** Only specs whose name contains this. */
  readonly name?: string;
  /** Only this scenario. */
  readonly scenario?: string;
  /** Only this point of sweeps, as reports print it: `depth(main)=49, seed=2`. */
  readonly point?: string;
  readonly seed?: number;
  readonly trace?: boolean;
  /** How the command line is called, for the commands that show a case again. Default: `./scripts/privstack`. */
  readonly command?: string;
}

export interface RunResult {
  readonly report: Report;
  readonly issues: readonly Issue[];
  /** Policies of the options that have no name of ours, and that no spec writes out. */
  readonly unknownPolicies: readonly string[];
}

const nameOf = ({ policy }: SpecCase): string => (typeof policy === 'string' ? policy : policy.name);

const NAMED = POLICIES.map(({ name }) => name);

/** The policies that a spec lists or writes out, by name. */
const ownPolicies = ({ spec }: LoadedSpec) =>
  new Map(
    writtenPolicies(spec)
      .filter((each) => each !== ALL_POLICIES)
      .map((each) => [typeof each === 'string' ? each : each.name, each]),
  );

/**
 * A spec with its list of policies replaced: those that it does not mention run under its general expectations. A policy
 * that another spec writes out is none of this one's; a spec for which none is left does not run.
 */
function withPolicies(loaded: LoadedSpec, policies: readonly string[] | undefined): LoadedSpec[] {
  if (!policies) return [loaded];
  const own = ownPolicies(loaded);
  const wanted = policies.filter((name) => own.has(name) || NAMED.includes(name));
  if (wanted.length === 0) return [];
  // Expectations may name what is written out here, also where it does not run.
  const unwanted = [...own.values()].filter((each) => typeof each !== 'string' && !wanted.includes(each.name));
  const chosen = [...wanted.map((name) => own.get(name) ?? name), ...unwanted];
  return [{ ...loaded, spec: { ...loaded.spec, policies: chosen } }];
}

/** Assembles helper bodies, those of the same text once. */
function bodyCache(): typeof assembleBodies {
  const known = new Map<string, ReturnType<typeof assembleBodies>>();
  return (helpers) => {
    const key = JSON.stringify(helpers.map(({ name, asm }) => [name, asm]));
    const bodies = known.get(key) ?? assembleBodies(helpers);
    known.set(key, bodies);
    return bodies;
  };
}

/** What is wrong with a spec is wrong in each of its cases: it is told once. */
const unique = (issues: readonly Issue[]): Issue[] => [
  ...new Map(issues.map((issue) => [formatIssue(issue), issue])).values(),
];

const quote = (text: string): string => (/^[\w./:@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);

/** The command that shows one case again. */
function replayCommand(command: string, spec: LoweredSpec, scenario: string, policy: string, cpu: number): string {
  const scenarios = new Set(spec.cases.map((each) => each.scenario.name));
  const which =
    (scenarios.size > 1 ? ` --scenario ${quote(scenario)}` : '') +
    (Object.keys(spec.point).length > 0 ? ` --point ${quote(pointText(spec.point))}` : '') +
    (spec.seed === 1 || spec.seed === spec.point.seed ? '' : ` --seed ${spec.seed}`);
  return `${quote(command)} run ${quote(spec.file)} -t ${quote(spec.name)} --policy ${quote(policy)} --cpu ${cpu}${which} --trace`;
}

/** Loads specs from files and folders, runs every case, judges it. Anything wrong with a spec is an issue. */
export async function runSpecs(paths: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const { specs, issues: loadIssues } = loadFiles(paths);
  const issues: Issue[] = [...loadIssues];
  const results: CaseReport[] = [];
  const selected = specs.filter(({ spec }) => spec.name.includes(options.name ?? ''));
  const policies = options.policies && [...new Set(options.policies)];
  const known = new Set([...NAMED, ...specs.flatMap((loaded) => [...ownPolicies(loaded).keys()])]);
  // Of a file that cannot be read nobody knows what it writes out.
  const unknownPolicies = issues.length > 0 ? [] : (policies ?? []).filter((name) => !known.has(name));
  const lowered: LoweredSpec[] = [];
  for (const loaded of selected.flatMap((each) => withPolicies(each, policies))) {
    const result = lowerSpec(loaded, { policies: NAMED, analyse: (each) => programErrors(each.program, each) });
    if (result.ok) lowered.push(...result.value);
    else issues.push(...result.issues);
  }
  const report: Report = { version: 1, results };
  if (issues.length > 0 || unknownPolicies.length > 0) return { report, issues: unique(issues), unknownPolicies };
  const command = options.command ?? './scripts/privstack';
  const assembled = bodyCache();
  for (const each of lowered) {
    if (options.point !== undefined && pointText(each.point) !== options.point) continue;
    const spec = options.seed === undefined ? each : { ...each, seed: options.seed };
    for (const specCase of spec.cases) {
      if (policies && !policies.includes(nameOf(specCase))) continue;
      if (options.scenario !== undefined && specCase.scenario.name !== options.scenario) continue;
      const { bodies, issues: bodyIssues } = await assembled(specCase.scenario.helpers);
      issues.push(...bodyIssues);
      if (bodyIssues.length > 0) continue;
      for (const cpu of new Set(options.cpus ?? spec.cpus)) {
        const judged = judgeCase(spec, specCase, cpu, {
          replay: (...shown) => replayCommand(command, ...shown),
          trace: options.trace ?? false,
          bodies,
        });
        if (judged.ok) results.push(judged.report);
        else issues.push(judged.issue);
      }
    }
  }
  return { report, issues: unique(issues), unknownPolicies };
}
