import { setImmediate } from 'node:timers/promises';
import type { Fault } from '../fault/fault';
import { EVERY } from './bounds';
import { type Search, type Sought, Teeth } from './teeth';
import { SEEDS, type TeethResults } from './teeth-results';

/** As `privstack fuzz` looks at cases unless it is told otherwise. */
export const AS_CAMPAIGN: Omit<Search, 'seed'> = { cap: 100_000, inputs: 4, every: EVERY };

/** Cases after which somebody may want it to end. */
const BREATH = 64;
/** Cases after which it is written down how far it is. */
const CHECKPOINT = 10_000;

export interface TeethRun {
  readonly faults: readonly Fault[];
  readonly seeds?: readonly number[];
  readonly search?: Omit<Search, 'seed'>;
  readonly results: TeethResults;
  readonly signal: AbortSignal;
  /** Of every mutant and seed that is done. */
  done(sought: Sought): void;
}

/** One mutant with one seed, from where it was left. */
export function* seek(fault: Fault, search: Search, from = 0): Generator<Sought, Sought> {
  const teeth = new Teeth(fault, search);
  const sought = (cases: number, found: string | null): Sought => ({
    fault: fault.id,
    seed: search.seed,
    cases,
    found,
  });
  try {
    for (let index = from; index < search.cap; index++) {
      const found = teeth.look(index);
      if (found !== null) return sought(index + 1, found);
      if (index % BREATH === BREATH - 1) yield sought(index + 1, null);
    }
    return sought(search.cap, null);
  } finally {
    teeth.close();
  }
}

/** Seeks what was not sought yet; ends early when it is told to, and goes on there the next time. @throws Error of the file system */
export async function runTeeth({ faults, seeds = SEEDS, search = AS_CAMPAIGN, ...run }: TeethRun): Promise<void> {
  const { results, signal } = run;
  for (const seed of seeds) {
    for (const fault of faults) {
      if (results.isDone(fault.id, seed, search.cap)) continue;
      const left = results.of(fault.id, seed)?.cases ?? 0;
      const steps = seek(fault, { ...search, seed }, left);
      let step = steps.next();
      for (; !step.done; step = steps.next()) {
        if (step.value.cases % CHECKPOINT < BREATH || signal.aborted) results.add(step.value);
        if (signal.aborted) return void steps.return(step.value);
        await setImmediate();
      }
      results.add(step.value);
      run.done(step.value);
    }
  }
}
