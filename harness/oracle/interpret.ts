import type { Program } from '../../jit';
import type { Region } from './memory';
import type { InterpretOptions } from './options';
import type { InterpreterResult, Outcome } from './outcome';
import { Ended, Run, Thrown } from './run';

/** What a function ends with that may end otherwise. */
function outcomeOf(run: () => bigint): Outcome | Thrown {
  try {
    return { kind: 'exit', r0: run(), thrown: false };
  } catch (error) {
    if (error instanceof Ended) return error.outcome;
    if (error instanceof Thrown) return error;
    throw error;
  }
}

/** An exception has unwound everything; the callback gets its cookie, and another exception is beyond it. */
function afterThrow(run: Run, program: Program, { cookie }: Thrown, callback: number | undefined): Outcome {
  if (callback === undefined) return { kind: 'exit', r0: cookie, thrown: true };
  const outcome = outcomeOf(() => run.enter(program, callback, [cookie]));
  if (outcome instanceof Thrown) return { kind: 'exit', r0: outcome.cookie, thrown: true };
  return outcome.kind === 'exit' ? { ...outcome, thrown: true } : outcome;
}

/**
 * Runs a program as RFC 9669 defines it: no JIT, no machine code, no shared frame. Registers and stack without a value
 * hold junk, and so do r1 to r5 after a call.
 *
 * @returns how the program ended, the memory that it leaves, and whom it called. A program that cannot go on is a
 * result too, never an exception.
 */
export function interpret(program: Program, options: InterpretOptions = {}): InterpreterResult {
  const regions = (options.regions ?? []).map((region) => ({ ...region, bytes: region.bytes.slice() }));
  const run = new Run(options, regions);
  const first = outcomeOf(() => run.enter(program, 0, options.args ?? defaultArguments(regions)));
  const outcome = first instanceof Thrown ? afterThrow(run, program, first, options.exceptionCallback) : first;
  const contents = new Map(regions.map(({ name, bytes }) => [name, bytes]));
  return { ...outcome, regions: contents, log: run.log, executed: run.executed };
}

function defaultArguments(regions: readonly Region[]): bigint[] {
  return regions.filter(({ name }) => name === 'ctx').map(({ base }) => base);
}
