/**
 * The result of a run as plain data: what every reporter prints. 64-bit values are `0x` and 16 hex digits, or, where
 * `want` and `got` are not numbers, words.
 */

export type VerdictName = 'holds' | 'fails' | 'refused' | 'not-applicable';

export interface SourcePlace {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** Of compiled code: the line of C itself. */
  readonly text?: string;
}

/** One thing that a check found. */
export interface FindingReport {
  /** Id of the check. */
  readonly check: string;
  /** A later finding of the same run, which the first one may have caused. */
  readonly consequence: boolean;
  readonly program: string;
  readonly subprog: string | null;
  /** Slot number in the subprog; null where no BPF instruction is to blame. */
  readonly bpfPc: number | null;
  /** The BPF instruction as text. */
  readonly bpf: string | null;
  /** Bytes from the start of the subprog's machine code. */
  readonly machineOffset: number | null;
  /** The machine instruction as text. */
  readonly machine: string | null;
  readonly yaml: SourcePlace | null;
  /** One sentence: what is wrong. */
  readonly message: string;
  readonly want: string;
  readonly got: string;
  /** Who destroyed the value, and where; null where nobody did. */
  readonly culprit: string | null;
  /** A command line that shows it again. */
  readonly replay: string;
}

/** A subprog's frame pointer (BPF r10) as it was expected and seen. */
export interface FramePointerReport {
  readonly subprog: string;
  readonly cpu: number;
  /** Null where nothing is expected, as when the program was not compiled. */
  readonly expected: string | null;
  /** Null when the subprog did not run. */
  readonly seen: string | null;
  /** Seen minus the start of its private block; null when it points into none. */
  readonly offset: number | null;
  /** What was expected, in words: the spec's term, or the plan's. */
  readonly term: string | null;
  /** Whether the spec says so itself. */
  readonly declared: boolean;
}

/** One spec, scenario, point of the sweep, policy and CPU. */
export interface CaseReport {
  readonly spec: string;
  readonly file: string;
  readonly scenario: string;
  /** The sweep's values. */
  readonly point: Readonly<Record<string, number>>;
  readonly policy: string;
  readonly cpu: number;
  readonly verdict: VerdictName;
  readonly declared: VerdictName;
  /** Whether verdict, check, first place and registers are those that the spec declares. */
  readonly asDeclared: boolean;
  /** Why the verdict is not as declared, or why it is `refused` or `not-applicable`; null where there is nothing to say. */
  readonly reason: string | null;
  readonly findings: readonly FindingReport[];
  readonly framePointers: readonly FramePointerReport[];
  /** Every event of the run, a line each; only with --trace. */
  readonly trace?: readonly string[];
  readonly milliseconds: number;
}

export interface Report {
  readonly version: 1;
  readonly results: readonly CaseReport[];
}
