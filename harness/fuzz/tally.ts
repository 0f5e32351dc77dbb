/** What all cases of a campaign have in common. */
export interface Plan {
  readonly seed: number;
  /** Inputs for each program. */
  readonly inputs: number;
  /** One case in so many is looked at with every check, whatever the cheap look says. */
  readonly every: number;
  /** One case in so many is looked at for what it reaches; none without a number. */
  readonly reach?: number | undefined;
  /** Folder of programs from elsewhere. */
  readonly corpus?: string | undefined;
  /** One case in so many is handed to the running kernel; none without a number. */
  readonly ask?: number | undefined;
  /** What interrupts on the same CPU does so in spite of the kernel's recursion guard: no private design survives that. */
  readonly unguarded?: boolean | undefined;
}

/** Something that was seen in a case. */
export interface Seen {
  /** Place of the case in the campaign. */
  readonly index: number;
  /** What names the case, apart from any campaign. */
  readonly path: string;
  readonly input: number;
  readonly what: string;
  /** Seen alike, of the same known defect or none: one find until somebody looks closer. */
  readonly kind: string;
}

/** What was done. */
export interface Tally {
  cases: number;
  runs: number;
  refused: number;
  checked: number;
  insns: number;
  bytes: number;
  /** Programs that the running kernel was asked about, and those that it took. */
  asked: number;
  loaded: number;
}

export const emptyTally = (): Tally => ({
  cases: 0,
  runs: 0,
  refused: 0,
  checked: 0,
  insns: 0,
  bytes: 0,
  asked: 0,
  loaded: 0,
});
