import { JitError, LinkError, policyNamed } from '../jit';
import { type Built, buildWorld } from './build';
import type { LocatedCapture } from './capture/capture';
import { DecodeError } from './capture/decode';
import { type CapturedProgram, placeCapture } from './capture/placed';
import { type ReadOptions, readCaptureFile } from './capture/read';
import { type ExecOptions, type ExecResult, resultOf, runPrepared, setupOf } from './exec-requests';
import { interpretedCapture } from './interpreted';
import type { Interpreted } from './run/interpreted';
import { Rerun } from './run/rerun';
import { schedule } from './run/schedule';

/** How a captured image fared on one context, and what the kernel itself returned. */
export interface ImportedRun {
  readonly ctx: string;
  readonly result: ExecResult;
  /** What the kernel's own test run gave; null where the capture has none. */
  readonly kernel: KernelResult | null;
  readonly same: boolean;
}

/** What a kernel's test run returned; of the context only where the program may write to it. */
export interface KernelResult {
  readonly retval: number;
  readonly ctx?: string;
}

/** One under a schedule. */
export interface ScheduledRun extends ImportedRun {
  readonly schedule: number;
}

/** What came of one capture. */
export interface Imported {
  readonly name: string;
  /** `file:line` */
  readonly at: string;
  readonly kernel: string;
  /** Whether our JIT makes the same bytes; if not, instructions were found by decoding. */
  readonly ourBytes: boolean;
  readonly mapped: boolean;
  readonly madeCallback: boolean;
  readonly runs: readonly ImportedRun[];
  /** How many more runs there were, each under another schedule, and those in which something is wrong. */
  readonly schedules: { readonly count: number; readonly failed: readonly ScheduledRun[] };
  /** Why it did not run; null when it did. */
  readonly skipped: string | null;
  /** Why nothing could be made of it; null when it could. */
  readonly problem: string | null;
}

export interface ImportOptions {
  readonly seed?: number;
  /** For captures without inputs of their own. */
  readonly context?: Uint8Array;
  /** At most as many inputs of each capture. */
  readonly most?: number;
  /** How many schedules each capture runs under besides. */
  readonly schedules?: number;
}

/** Captures are compiled by nobody; a policy is asked for nothing. */
const POLICY = policyNamed('linux-6.18')!;

/** A world of one captured program. */
export function buildCaptured(captured: CapturedProgram, name: string, context: Uint8Array, seed: number): Built {
  const { program, analysis, origins, located, config } = captured;
  const verified = {
    name,
    type: located.type,
    throws: [],
    awareOf: undefined,
    program,
    analysis,
    origins,
    hidden: 0,
    captured,
  };
  return buildWorld([verified], { seed, context, maps: [] }, { policy: POLICY, config, bodies: new Map() });
}

/** A captured program on one context, ready to run. */
export interface CapturedInput {
  readonly ctx: string;
  readonly built: Built;
  readonly options: ExecOptions;
  /** What an interpreter of BPF makes of the same. */
  readonly interpreted: Interpreted;
  /** What the kernel's own test run gave; null where the capture has none. */
  readonly kernel: KernelResult | null;
}

/** @param ctx hex, for captures without inputs of their own */
export function capturedInputs(captured: CapturedProgram, ctx: string | undefined, seed: number): CapturedInput[] {
  const { exec } = captured.located.capture;
  const given = exec ? exec.runs.map((each) => each.ctx) : ctx === undefined ? [] : [ctx];
  return given.map((ctx, i) => {
    const built = buildCaptured(captured, 'captured', Uint8Array.from(Buffer.from(ctx, 'hex')), seed);
    const options = { policy: POLICY, config: captured.config };
    const interpreted = interpretedCapture(captured, built);
    return { ctx, built, options, interpreted, kernel: exec?.results[i] ?? null };
  });
}

/** What came of a run of an input, beside what the kernel returned. */
function importedRun({ ctx, kernel }: CapturedInput, result: ExecResult): ImportedRun {
  return { ctx, result, kernel, same: isSame(kernel, result) };
}

/** Whether a run returns what the kernel's did, and leaves its context as that did. */
export const isSame = (kernel: KernelResult | null, { retval, ctx }: Pick<ExecResult, 'retval' | 'ctx'>): boolean =>
  kernel === null || (kernel.retval === retval && (kernel.ctx ?? ctx) === ctx);

/** One input under so many schedules: those runs in which something is wrong. */
function failuresUnder(input: CapturedInput, schedules: readonly number[]): ScheduledRun[] {
  const { built, options, interpreted } = input;
  const rerun = new Rerun(setupOf(built, options));
  try {
    return schedules.flatMap((number): ScheduledRun[] => {
      const run = rerun.again(schedule(built.world, number)).collect();
      const imported = importedRun(input, resultOf(run, options, interpreted));
      return runFailed(imported) ? [{ ...imported, schedule: number }] : [];
    });
  } finally {
    rerun.close();
  }
}

/** Schedules dealt out to inputs, one after the other. */
function scheduled(inputs: readonly CapturedInput[], count: number): ScheduledRun[] {
  const all = Array.from({ length: count }, (_, i) => i);
  return inputs.flatMap((input, i) =>
    failuresUnder(
      input,
      all.filter((each) => each % inputs.length === i),
    ),
  );
}

/** Runs a captured image on its own inputs, and compares with what the kernel returned. */
export function importCapture(located: LocatedCapture, options: ImportOptions = {}): Imported {
  const { capture, file, line, machine } = located;
  const base = { name: capture.name, at: `${file}:${line}`, kernel: machine.kernel };
  const nothing = {
    ...{ ourBytes: false, mapped: false, madeCallback: false, runs: [], skipped: null, problem: null },
    schedules: { count: 0, failed: [] },
  };
  let captured: CapturedProgram;
  try {
    captured = placeCapture(located);
  } catch (error) {
    if (![JitError, LinkError, DecodeError].some((kind) => error instanceof kind)) throw error;
    return { ...base, ...nothing, problem: (error as Error).message };
  }
  if (captured.callbackAgrees === false) {
    return {
      ...base,
      ...nothing,
      problem: 'the default exception callback of this kernel is another than the one made here',
    };
  }
  const { image, mapped, madeCallback } = captured;
  const what = { ...base, ...nothing, ourBytes: image !== null, mapped, madeCallback };
  const { context, seed = 1, schedules = 0 } = options;
  const inputs = capturedInputs(captured, context && Buffer.from(context).toString('hex'), seed).slice(0, options.most);
  if (inputs.length === 0) return { ...what, skipped: 'it has no inputs' };
  const runs = inputs.map((input) => importedRun(input, runPrepared(input.built, input.options, input.interpreted)));
  return { ...what, runs, schedules: { count: schedules, failed: scheduled(inputs, schedules) } };
}

/** Whether a run is not the kernel's, or something was found in it. */
export const runFailed = ({ same, result }: ImportedRun): boolean => !same || result.findings.length > 0;

export const importFailed = ({ problem, runs, schedules }: Imported): boolean =>
  problem !== null || runs.some(runFailed) || schedules.failed.length > 0;

/** Runs the captures of files, or says what is wrong with the files. */
export function importCaptures(
  files: readonly string[],
  options: ImportOptions & ReadOptions & { readonly name?: string },
): { readonly imported: readonly Imported[]; readonly problems: readonly string[] } {
  const read = files.map((file) => readCaptureFile(file, options));
  const problems = read.flatMap((each) => each.problems);
  if (problems.length > 0) return { imported: [], problems };
  const chosen = read
    .flatMap(({ captures }) => captures)
    .filter(({ capture }) => capture.name.includes(options.name ?? ''));
  return { imported: chosen.map((each) => importCapture(each, options)), problems };
}
