import { bodyCache, lowerLoaded, NAMED, nameOf, ownPolicies, replayCommand, unique, withPolicies } from './cases';
import { judgeCase } from './judge';
import { loadAll, type ObjectOptions, objectArguments } from './objects';
import type { CaseReport, Report } from './report/model';
import { pointText } from './report/words';
import { CAPTURED, type Issue, type LoweredSpec } from './spec';

export { type FuzzFigures, measureFuzz } from './bench/fuzz';
export * from './build';
export {
  type CaptureOutcome,
  captureBpftool,
  captureLines,
  captureProgramById,
  capturePrograms,
  type DumpFiles,
} from './capture-programs';
export { CHECKS } from './check';
export { compareCaptures, comparisonLines, sameEverywhere } from './compare-captures';
export { type Compiled, type CompiledProgram, compileFile, listing } from './compile-text';
export { type ConformanceReport, runConformance, runPlugin } from './conform';
export { examine } from './doctor';
export { type Executed, executeFile } from './exec-file';
export { answerExec, type ExecResult } from './exec-requests';
export { EXCLUDED, explainFaultNamed, FAULTS, faultsPage, runFaults, runImageFaults } from './fault';
export type { Sought } from './fuzz/teeth';
export { NOT_FOUND, teethPage, teethSummary } from './fuzz/teeth-page';
export { ResultsError, TeethResults } from './fuzz/teeth-results';
export { runTeeth } from './fuzz/teeth-run';
export { type Imported, importCaptures, importFailed } from './import-captures';
export { importLines } from './import-text';
export { answerJit } from './jit-requests';
export { type Judged, type JudgeOptions, judgeCase } from './judge';
export { attListing } from './listing';
export { claimMatrix, judgeDesigns, type MatrixOptions, type Unknown } from './matrix';
export { answerLine } from './ndjson';
export { replay, replayText } from './replay';
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
  /** Of paths that are BPF objects. */
  readonly object?: ObjectOptions;
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

/**
 * Loads specs from files and folders, runs every case, judges it. A BPF object stands for one spec for each program: it
 * runs on a context of zeros and has to hold. Anything wrong with a spec or an object is an issue.
 */
export async function runSpecs(paths: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const { specs, issues: loadIssues } = loadAll(paths, options.object ?? {});
  const issues: Issue[] = [...loadIssues];
  const results: CaseReport[] = [];
  const selected = specs.filter(({ spec }) => spec.name.includes(options.name ?? ''));
  const policies = options.policies && [...new Set(options.policies)];
  const known = new Set([...NAMED, CAPTURED, ...specs.flatMap((loaded) => [...ownPolicies(loaded).keys()])]);
  // Of a file that cannot be read nobody knows what it writes out.
  const unknownPolicies = issues.length > 0 ? [] : (policies ?? []).filter((name) => !known.has(name));
  const lowered: LoweredSpec[] = [];
  for (const loaded of selected.flatMap((each) => withPolicies(each, policies))) {
    const result = lowerLoaded(loaded);
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
          replay: (...shown) => `${replayCommand(command, ...shown)}${objectArguments(options.object)}`,
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
