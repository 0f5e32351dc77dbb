import type { StackPolicy } from '../../jit';
import { type Difference, differences } from './compare';
import { probeHost, runOnHost } from './host';
import { inputOf, programOf, type ReplayProgram } from './programs';
import type { End, ReplayCase, ReplayResult } from './run';
import { runInUnicorn, runMended } from './unicorn';

export interface ReplayOptions {
  /** Runs: programs times {@link INPUTS}. */
  readonly cases: number;
  /** Seed of the first program; each next program has the next one. */
  readonly seed: number;
  readonly policies: readonly StackPolicy[];
}

/** A run that the CPU and the emulator leave differently. */
export interface DifferentCase {
  readonly program: ReplayProgram;
  /** Which of the program's inputs. */
  readonly input: number;
  readonly given: ReplayCase;
  readonly differences: readonly Difference[];
}

export interface ReplayFigures {
  readonly cases: number;
  readonly programs: number;
  readonly functions: number;
  readonly privateFrames: number;
  readonly bmi2Programs: number;
  readonly milliseconds: number;
  /** How the runs on the CPU ended. */
  readonly ends: Readonly<Partial<Record<End, number>>>;
  /** Runs that are equal once the emulator's known difference is mended. */
  readonly known: number;
  readonly different: readonly DifferentCase[];
}

export type ReplayOutcome =
  | { readonly ok: true; readonly figures: ReplayFigures }
  | { readonly ok: false; readonly reason: string };

/** Inputs of each program. */
export const INPUTS = 4;
/** Programs that one child process and one engine run. */
const BATCH = 64;

interface Planned {
  readonly program: ReplayProgram;
  readonly input: number;
  readonly given: ReplayCase;
}

/**
 * Whether a difference is nothing but what is known of the emulator: it is gone once that is mended. Where the caller
 * could see it, the program lacks `w0 = w0` behind a compare and exchange, and that is not the emulator's fault.
 */
const isKnown = ({ program, given }: Planned, onHost: ReplayResult, found: readonly Difference[]): boolean =>
  found.every(({ visible }) => !visible) && differences(onHost, runMended(given, program.exchanges())).length === 0;

/** Runs random programs without helpers on this computer's CPU and in the emulator, and compares what they leave. */
export function replay({ cases, seed, policies }: ReplayOptions): ReplayOutcome {
  const host = probeHost();
  if (!host.ok) return host;
  const start = performance.now();
  const ends: Partial<Record<End, number>> = {};
  const different: DifferentCase[] = [];
  let known = 0;
  const total = { programs: 0, functions: 0, privateFrames: 0, bmi2Programs: 0 };
  for (let done = 0; done < cases; ) {
    const batch: Planned[] = [];
    for (let i = 0; i < BATCH && done < cases; i++) {
      const program = programOf(seed + total.programs, { policies, bmi2: host.bmi2 });
      total.programs++;
      total.functions += program.functions;
      total.privateFrames += program.privateFrames;
      if (program.config.bmi2) total.bmi2Programs++;
      for (let input = 0; input < INPUTS && done < cases; input++, done++) {
        batch.push({ program, input, given: inputOf(program, input) });
      }
    }
    const given = batch.map((each) => each.given);
    const onHost = runOnHost(given);
    const inUnicorn = runInUnicorn(given);
    batch.forEach((each, i) => {
      const end = onHost[i]!.end;
      ends[end] = (ends[end] ?? 0) + 1;
      const found = differences(onHost[i]!, inUnicorn[i]!);
      if (found.length === 0) return;
      if (isKnown(each, onHost[i]!, found)) known++;
      else different.push({ ...each, differences: found });
    });
  }
  return { ok: true, figures: { cases, ...total, milliseconds: performance.now() - start, ends, known, different } };
}
