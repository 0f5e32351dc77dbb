import { POLICIES, programErrors } from '../jit';
import { assembleBodies } from './bodies';
import { judgeCase } from './judge';
import type { CaseReport, Report } from './report/model';
import { type Issue, type LoadedSpec, type LoweredSpec, loadFiles, lowerSpec, type SpecCase } from './spec';

export * from './build';
export { type Compiled, type CompiledProgram, compileFile, listing } from './compile-text';
export { type Judged, type JudgeOptions, judgeCase } from './judge';
export { attListing } from './listing';
export * from './report';
export { formatIssue, type Issue, jsonSchema, loadFiles } from './spec';

export interface RunOptions {
  /** Policies to run instead of those that the specs list. */
  readonly policies?: readonly string[];
  readonly cpus?: readonly number[];
  /** Only specs whose name contains this. */
  readonly name?: string;
  readonly seed?: number;
  readonly trace?: boolean;
}

export interface RunResult {
  readonly report: Report;
  readonly issues: readonly Issue[];
}

const nameOf = ({ policy }: SpecCase): string => (typeof policy === 'string' ? policy : policy.name);

/** A spec with its list of policies replaced: those that it does not mention run under its general expectations. */
function withPolicies(loaded: LoadedSpec, policies: readonly string[] | undefined): LoadedSpec {
  if (!policies) return loaded;
  const own = new Map((loaded.spec.policies ?? []).map((each) => [typeof each === 'string' ? each : each.name, each]));
  return { ...loaded, spec: { ...loaded.spec, policies: policies.map((name) => own.get(name) ?? name) } };
}

const quote = (text: string): string => (/^[\w./:@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);

/** The command that shows one case again. */
function replayCommand(spec: LoweredSpec, _scenario: string, policy: string, cpu: number): string {
  const seed = spec.seed === 1 ? '' : ` --seed ${spec.seed}`;
  return `./scripts/privstack run ${quote(spec.file)} -t ${quote(spec.name)} --policy ${quote(policy)} --cpu ${cpu}${seed} --trace`;
}

/** Loads specs from files and folders, runs every case, judges it. Anything wrong with a spec is an issue. */
export async function runSpecs(paths: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const { specs, issues: loadIssues } = loadFiles(paths);
  const issues: Issue[] = [...loadIssues];
  const results: CaseReport[] = [];
  const selected = specs.filter(({ spec }) => spec.name.includes(options.name ?? ''));
  const lowered: LoweredSpec[] = [];
  for (const loaded of selected) {
    const names = POLICIES.map(({ name }) => name);
    const result = lowerSpec(withPolicies(loaded, options.policies), {
      policies: names,
      analyse: ({ program }) => programErrors(program),
    });
    if (result.ok) lowered.push(...result.value);
    else issues.push(...result.issues);
  }
  if (issues.length > 0) return { report: { version: 1, results }, issues };
  for (const each of lowered) {
    const spec = options.seed === undefined ? each : { ...each, seed: options.seed };
    for (const specCase of spec.cases) {
      const { bodies, issues: bodyIssues } = await assembleBodies(specCase.scenario.helpers);
      issues.push(...bodyIssues);
      if (bodyIssues.length > 0) continue;
      if (options.policies && !options.policies.includes(nameOf(specCase))) continue;
      for (const cpu of options.cpus ?? spec.cpus) {
        const judged = judgeCase(spec, specCase, cpu, {
          replay: replayCommand,
          trace: options.trace ?? false,
          bodies,
        });
        if (judged.ok) results.push(judged.report);
        else issues.push(judged.issue);
      }
    }
  }
  return { report: { version: 1, results }, issues };
}
