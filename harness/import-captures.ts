import { JitError, LinkError, policyNamed } from '../jit';
import { type Built, buildWorld } from './build';
import type { LocatedCapture } from './capture/capture';
import { DecodeError } from './capture/decode';
import { type CapturedProgram, placeCapture } from './capture/placed';
import { type ReadOptions, readCaptureFile } from './capture/read';
import { type ExecResult, runPrepared } from './exec-requests';

/** How a captured image fared on one context, and what the kernel itself returned. */
export interface ImportedRun {
  readonly ctx: string;
  readonly result: ExecResult;
  /** What the kernel's own test run gave; null where the capture has none. */
  readonly kernel: { readonly retval: number; readonly ctx?: string } | null;
  readonly same: boolean;
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

function runOn(captured: CapturedProgram, ctx: string, seed: number): ExecResult {
  const context = Uint8Array.from(Buffer.from(ctx, 'hex'));
  const options = { policy: POLICY, config: captured.config };
  return runPrepared(buildCaptured(captured, 'captured', context, seed), options);
}

/** Runs a captured image on its own inputs, and compares with what the kernel returned. */
export function importCapture(located: LocatedCapture, options: ImportOptions = {}): Imported {
  const { capture, file, line, machine } = located;
  const base = { name: capture.name, at: `${file}:${line}`, kernel: machine.kernel };
  const nothing = { ourBytes: false, mapped: false, madeCallback: false, runs: [], skipped: null, problem: null };
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
  const { exec } = capture;
  const given = exec
    ? exec.runs.map(({ ctx }) => ctx)
    : options.context && [Buffer.from(options.context).toString('hex')];
  if (!given) return { ...what, skipped: 'it has no inputs' };
  const runs = given.slice(0, options.most).map((ctx, i): ImportedRun => {
    const result = runOn(captured, ctx, options.seed ?? 1);
    const kernel = exec?.results[i] ?? null;
    const same = kernel === null || (kernel.retval === result.retval && (kernel.ctx ?? result.ctx) === result.ctx);
    return { ctx, result, kernel, same };
  });
  return { ...what, runs };
}

export const importFailed = ({ problem, runs }: Imported): boolean =>
  problem !== null || runs.some(({ same, result }) => !same || result.findings.length > 0);

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
