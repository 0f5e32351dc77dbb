import type { InterpreterResult } from '../oracle';

/** What a run has to come to, by an interpreter. */
export interface Wanted {
  readonly r0: bigint;
  readonly context: Uint8Array;
  /** Helpers and kfuncs that were called: their numbers, and how many of them count. */
  readonly log: ArrayLike<number>;
  readonly calls: number;
  /** Instructions executed. */
  readonly executed: number;
}

/** @returns null for a program that does not exit */
export function wantedOf(result: InterpreterResult, callees: readonly string[]): Wanted | null {
  if (result.kind !== 'exit') return null;
  const log = result.log.map(({ name }) => callees.indexOf(name));
  return { r0: result.r0, context: result.regions.get('ctx')!, log, calls: log.length, executed: result.executed };
}
