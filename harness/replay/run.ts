import { REG, type RegName } from '../native';
import { AREAS } from './placement';

/** Machine code, and what it is run on. */
export interface ReplayCase {
  /** All of the code, from CODE on. Neighbours with the same code share one array. */
  readonly code: Uint8Array;
  readonly entry: bigint;
  /** The general registers by hardware number. */
  readonly regs: BigUint64Array;
  /** Contents of AREAS. */
  readonly memory: readonly Uint8Array[];
}

/** How a run ended. `died`: the process did, which is never the code's doing alone. */
export type End =
  | 'returned'
  | 'fault'
  | 'divide error'
  | 'invalid instruction'
  | 'breakpoint'
  | 'system call'
  | 'endless'
  | 'died'
  | 'other';

/** What a run left. */
export interface ReplayResult {
  readonly end: End;
  /** For people: what ended it, in the words of whatever ran it. */
  readonly because: string;
  /** Of a page fault. */
  readonly address: bigint | null;
  /** The general registers by hardware number. */
  readonly regs: BigUint64Array;
  /** Contents of AREAS. */
  readonly memory: readonly Uint8Array[];
}

export const GENERAL: readonly RegName[] = (Object.keys(REG) as RegName[]).slice(0, 16);

export const emptyMemory = (): Uint8Array[] => AREAS.map(({ bytes }) => new Uint8Array(bytes));
