import type { FindingReport } from './model';

/** What became of one mutant. */
export interface FaultRow {
  readonly id: string;
  /** Whether it changed anything in any case that was tried. */
  readonly fired: boolean;
  /** Every check that found something wrong in the cases that were tried. */
  readonly killedBy: readonly string[];
  /** The check that has to find it. */
  readonly named: string;
  /** The spec, or the capture, in which that one found it first and by its sign; null when none did. */
  readonly spec: string | null;
  /** Whether no check found anything. */
  readonly survived: boolean;
}

/** The kill matrix. */
export interface FaultMatrix {
  /** How many there are, and how many of them their own check kills. */
  readonly mutants: number;
  readonly killed: number;
  readonly rows: readonly FaultRow[];
  /** What is not among them, and why. */
  readonly excluded: readonly { readonly id: string; readonly reason: string }[];
  /** What is wrong, and what to do about it: a few lines for each row that is not as it should be. */
  readonly problems: readonly string[];
}

/** An instruction of two listings that stand side by side; null where one has none. */
export interface ListingPair {
  readonly sound: string | null;
  readonly mutant: string | null;
  readonly same: boolean;
}

/** One fault, explained. */
export interface FaultExplanation {
  readonly row: FaultRow;
  readonly story: string;
  readonly commit: string | null;
  readonly policy: string;
  /** Where the killer is: `specs/calls/memory.yaml`. */
  readonly file: string | null;
  readonly finding: FindingReport | null;
  /** Whose code follows: `sub of prog`; null where the code is the same, and something around it is not. */
  readonly of: string | null;
  readonly listing: readonly ListingPair[];
  readonly problem: string | null;
}
