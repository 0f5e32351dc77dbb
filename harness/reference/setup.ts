import type { DataArea } from '../run/run';
import type { LoweredProgram, LoweredScenario } from '../spec';

/** What the interpreter has to know of a program. */
export type ReferenceProgram = Pick<
  LoweredProgram,
  'name' | 'type' | 'program' | 'throws' | 'exceptionCallback' | 'asyncCallbacks'
>;

/** A scenario, as the reference interpreter runs it: programs as they are written, data where the machine has it. */
export interface ReferenceSetup {
  readonly programs: readonly ReferenceProgram[];
  readonly scenario: Pick<LoweredScenario, 'events' | 'clobbers' | 'helpers'>;
  readonly seed: number;
  /** The CPU on which events happen that name none. */
  readonly cpu: number;
  /** Context and maps. */
  readonly data: readonly DataArea[];
  readonly contents: ReadonlyMap<string, Uint8Array>;
  /** Arrays of programs: by index, the program in each slot that holds one. */
  readonly programArrays: readonly { readonly pointer: bigint; readonly slots: ReadonlyMap<number, number> }[];
}

/** From here on a scenario is not compared, for a reason of which the program is not guilty. */
export class Incomparable extends Error {
  override readonly name = 'Incomparable';

  constructor(readonly reason: string) {
    super(reason);
  }
}
