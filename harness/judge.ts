import {
  type Analysis,
  combine,
  depthLog,
  type InvalidPolicy,
  type KernelConfig,
  LINUX_6_18,
  notApplicable,
  pcsOf,
  policyNamed,
  type StackPolicy,
} from '../jit';
import { arenaOfMaps } from './arena';
import { BuildError, type Built, buildWorld, type HelperBodies, type NamedProgram, verifyAll } from './build';
import { type CheckInput, type Finding, hex, seenFrames } from './check';
import { checkInput, findingReport, findings, sourcePlace } from './examine';
import { applied } from './fault/apply';
import type { Mutation } from './fault/mutation';
import { unfitImages } from './imaged';
import { capturedOf } from './images';
import { interpretedRun, interpretedRuns, notCompared } from './interpreted';
import { matchListing } from './listing';
import { unmetFrames, unmetPremise } from './premise';
import type { CaseReport, FramePointerReport, SourcePlace } from './report/model';
import { tracedSubprogs } from './run/arrangements';
import { environmentOf } from './run/environment';
import { plannedFrame, privateBlock, privateFramePointer } from './run/frames';
import { writtenPc } from './run/names';
import type { World } from './run/run';
import { runScenario } from './run/runner';
import { traceText } from './run/trace-text';
import { CAPTURED, evaluate, type Issue, type LoweredSpec, type PolicyRef, type SpecCase } from './spec';
import { compare } from './verdict';

export interface JudgeOptions {
  readonly config?: KernelConfig;
  /** Keep every event of the run as text. */
  readonly trace?: boolean;
  /** The command that shows a case again. */
  readonly replay: (spec: LoweredSpec, scenario: string, policy: string, cpu: number) => string;
  /** Changes what was built before it runs: for tests that want to see a check fail. */
  readonly alter?: (built: Built) => Built;
  /** Changed from outside: a fault that a check is to find. */
  readonly mutation?: Mutation;
  /** What comes of code that ran before. */
  readonly known?: (built: Built) => Judged | undefined;
  /** Helper bodies in assembly, assembled. */
  readonly bodies: HelperBodies;
}

/** A case judged, or what is wrong with the spec. */
export type Judged =
  | { readonly ok: true; readonly report: CaseReport }
  | {
      readonly ok: false;
      readonly issue: Issue;
      /** Nothing is wrong with the spec under any policy: under this one an event of the scenario never happens. */
      readonly missed?: true;
    };

const policyName = (policy: PolicyRef): string => (typeof policy === 'string' ? policy : policy.name);

function policyOf(ref: PolicyRef): StackPolicy | InvalidPolicy {
  // What stands beside an image is compiled as kernels do.
  if (ref === CAPTURED) return policyNamed('linux-6.18')!;
  return typeof ref === 'string'
    ? (policyNamed(ref) ?? { invalid: 'it has no row among the named ones' })
    : combine(ref);
}

/** Where a finding is in the spec: the BPF instruction's line. */
function yamlPlace(spec: LoweredSpec, world: World, place: Finding['place']): SourcePlace | null {
  if (!place || place.pc < 0) return null;
  const { program, sources } = spec.programs[place.program]!;
  const written = program.subprogs[place.subprog];
  if (!written) return null;
  const position =
    sources[place.subprog]?.[pcsOf(written.insns).indexOf(writtenPc(world.programs[place.program]!, place))];
  return position ? sourcePlace(position) : null;
}

/** The frame pointers of every subprog: the declared or planned one, and the first one that was seen. */
function framePointers(spec: LoweredSpec, inputs: readonly CheckInput[]): FramePointerReport[] {
  const several = spec.programs.length > 1;
  return spec.programs.flatMap(({ name, program }, p) =>
    program.subprogs.map((subprog, s): FramePointerReport => {
      for (const input of inputs) {
        const seen = seenFrames(input).find(({ activation: { program, subprog } }) => program === p && subprog === s);
        const { run, expectation } = input;
        const label = several ? `${name}.${subprog.name}` : subprog.name;
        const declared = expectation.framePointers?.find(
          ({ subprog: ref }) => ref.program === name && ref.subprog === subprog.name,
        );
        const planned = seen ? plannedFrame(run.world, seen.activation) : privateFramePointer(run.world, p, s, run.cpu);
        // As of the activation that was seen: a subprog that is entered twice has two.
        const environment = seen ? environmentOf(run, input.activations, seen.activation) : input.environment;
        const expected = declared ? evaluate(declared.term.value, environment) : planned;
        if (!seen && input !== inputs[inputs.length - 1]) continue;
        const cpu = seen?.activation.cpu ?? run.cpu;
        const block = privateBlock(run.world, p, s, cpu);
        const offset = seen && block !== undefined ? Number(BigInt.asIntN(64, seen.framePointer - block)) : null;
        const frame = run.world.programs[p]!.analysis.subprogs[s]!.private;
        const size = frame ? run.world.programs[p]!.analysis.blocks[frame.block]!.size : 0;
        const planText = frame ? `block + ${frame.offset}` : 'kernel stack';
        return {
          subprog: label,
          cpu,
          expected: expected === undefined ? null : hex(expected),
          seen: seen ? hex(seen.framePointer) : null,
          offset: offset !== null && offset >= 0 && offset <= size ? offset : null,
          term: declared ? declared.term.value.text : planText,
          declared: declared !== undefined,
        };
      }
      throw new Error('a case without a run');
    }),
  );
}

/** What a spec declares besides the verdict: the verifier's depths, and the listing. */
function staticDeviation({ expectation }: SpecCase, analysis: Analysis, built: Built | null): string | null {
  const { stackDepth, jited } = expectation;
  const log = depthLog(analysis.depths);
  if (stackDepth && log.replace(/^stack depth /, '') !== stackDepth.value.replace(/^stack depth /, '')) {
    return `\`${log}\`, but \`${stackDepth.value}\` is declared (${stackDepth.position.file}:${stackDepth.position.line})`;
  }
  return jited && built ? matchListing(built.world, 0, jited) : null;
}

/** What is wrong with an instruction, at the line of the spec. @param pc of the program as it is written */
function issueOf({ program: index, subprog, message }: BuildError, spec: LoweredSpec, pc: number): Issue {
  const { program, sources, position } = spec.programs[index]!;
  const where = sources[subprog]?.[pcsOf(program.subprogs[subprog]!.insns).indexOf(pc)] ?? position;
  return { ...where, path: 'programs', message };
}

/** Compiles, runs and judges one case on one CPU. */
export function judgeCase(spec: LoweredSpec, specCase: SpecCase, cpu: number, options: JudgeOptions): Judged {
  const started = performance.now();
  const { scenario, expectation } = specCase;
  const declared = expectation.verdict.value;
  const name = policyName(specCase.policy);
  const base = { spec: spec.name, file: spec.file, scenario: scenario.name, point: spec.point, policy: name, cpu };
  const report = (
    rest: Pick<CaseReport, 'verdict' | 'asDeclared' | 'reason' | 'findings' | 'framePointers' | 'trace'>,
  ) => {
    const milliseconds = performance.now() - started;
    return { ok: true, report: { ...base, declared: declared.kind, ...rest, milliseconds } } as const;
  };
  const given = policyOf(specCase.policy);
  if ('invalid' in given) {
    const message = `the policy \`${name}\` cannot be built: ${given.invalid}`;
    return { ok: false, issue: { ...spec.position, path: 'policies', message } };
  }
  const { mutation = {} } = options;
  const changed = applied(mutation, given);
  const { policy, kernel } = changed;
  /** A case that the claim is not about. */
  const notAbout = (unmet: string): Judged => {
    // Nobody has to declare what the premise says; but whoever declares another thing is wrong about one of the two.
    const same = declared.kind === 'not-applicable' && unmet.includes(declared.reason ?? '');
    const contrary = expectation.ofPolicy && !same;
    const nothing = { reason: unmet, findings: [], framePointers: [] };
    const judged = report({ verdict: 'not-applicable', asDeclared: !contrary, ...nothing });
    return contrary ? judged : { ok: true, report: { ...judged.report, declared: 'not-applicable' } };
  };
  const unmet = spec.claim ? unmetPremise(spec.claim.premise, given) : null;
  if (unmet !== null) return notAbout(unmet);
  const asCaptured = specCase.policy === CAPTURED;
  const images = asCaptured ? spec.programs.flatMap(({ image }) => capturedOf(image) ?? []) : [];
  const unfit = unfitImages(images, spec.maps);
  if (unfit !== null) return { ok: false, issue: { ...spec.position, path: 'programs', message: unfit } };
  const config = options.config ?? images[0]?.config ?? LINUX_6_18;
  const arena = arenaOfMaps(spec.maps);
  let verified: readonly NamedProgram[];
  try {
    verified = verifyAll(spec.programs, policy, config, { maps: spec.maps, arena, images: asCaptured }).map((each) => {
      return mutation.analysis ? { ...each, analysis: mutation.analysis(each.analysis, each.name) } : each;
    });
  } catch (error) {
    if (!(error instanceof BuildError)) throw error;
    return { ok: false, issue: issueOf(error, spec, error.pc) };
  }
  const refusal = verified.find(({ analysis }) => analysis.refusal !== null)?.analysis.refusal ?? null;
  const nothing = { findings: [], framePointers: [] };
  /** A case that does not run, for a reason that a spec can declare. */
  const notRun = (verdict: 'refused' | 'not-applicable', reason: string) => {
    const asGiven = declared.kind === verdict && reason.includes(declared.reason ?? '');
    const other = staticDeviation(specCase, verified[0]!.analysis, null);
    return report({ verdict, asDeclared: asGiven && other === null, reason: other ?? reason, ...nothing });
  };
  if (refusal !== null) return notRun('refused', refusal);
  const plain = spec.claim ? unmetFrames(spec.claim.premise, verified) : null;
  if (plain !== null) return notAbout(plain);
  for (const { analysis } of verified) {
    const unfit = notApplicable(policy, analysis);
    if (unfit !== null) return notRun('not-applicable', unfit);
  }
  let built: Built;
  try {
    const maps = spec.maps.filter((map) => !map.arena);
    const initial = { seed: spec.seed, context: scenario.context, maps, arena };
    built = buildWorld(verified, initial, {
      policy,
      config,
      bodies: options.bodies,
      applied: changed,
      trampolines: tracedSubprogs(scenario.events),
    });
    built = options.alter?.(built) ?? built;
  } catch (error) {
    if (!(error instanceof BuildError)) throw error;
    const { program, origins } = verified[error.program]!;
    return { ok: false, issue: issueOf(error, spec, writtenPc({ program, origins }, error)) };
  }
  const known = options.known?.(built);
  if (known) return known;
  const { clobbers, events } = scenario;
  const returns = new Map(
    scenario.helpers.flatMap(({ name, returns }) => (returns === undefined ? [] : [[name, returns]])),
  );
  const { runs, missed } = runScenario({ ...built, config, kernel, clobbers, returns, events, cpu });
  // Without an event that should have happened, it is another scenario.
  const interpreted =
    missed.length > 0 ? [notCompared('an event is missed')] : interpretedRuns(spec, scenario, cpu, built);
  const inputs = runs.map((run, nth) => checkInput(run, specCase.expectation, interpretedRun(interpreted, nth)));
  const found = inputs.flatMap(findings);
  // Where something went wrong before, it may be because of that.
  if (missed.length > 0 && found.length === 0) {
    const message = `the ${missed[0]!.kind} never happens in the scenario \`${scenario.name}\` under ${name}`;
    const issue = { ...missed[0]!.position, path: `scenarios.${scenario.name}.do`, message };
    return { ok: false, issue, missed: true };
  }
  const replay = options.replay(spec, scenario.name, name, cpu);
  const { asDeclared, reason } = compare(declared, found);
  const other = staticDeviation(specCase, verified[0]!.analysis, built);
  return report({
    verdict: found.length === 0 ? 'holds' : 'fails',
    asDeclared: asDeclared && other === null,
    reason: reason ?? other,
    findings: found.map((each, at) => findingReport(each, at, replay, (world, place) => yamlPlace(spec, world, place))),
    framePointers: framePointers(spec, inputs),
    ...(options.trace && { trace: runs.flatMap(traceText) }),
  });
}
