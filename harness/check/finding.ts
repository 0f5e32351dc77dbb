import type { Activation } from '../run/activations';
import type { CodePlace } from '../run/code-map';
import type { FrameUse } from '../run/frame-uses';
import type { Interpreted } from '../run/interpreted';
import type { Entry, Run } from '../run/run';
import type { CheckId, Expectation, TermEnvironment } from '../spec';

/** One thing that is wrong in a run. */
export interface Finding {
  readonly check: CheckId;
  /** Event of the trace at which it shows; Infinity when it shows only at the end. */
  readonly event: number;
  /** The instruction to blame; null where there is none. */
  readonly place: CodePlace | null;
  /** One sentence. */
  readonly message: string;
  readonly want: string;
  readonly got: string;
  /** Machine register whose wrong value it is, if it is one: who wrote it last is the culprit. */
  readonly register?: number;
}

/** All that a check may look at: the run, what the analysis planned (in the run's world) and what the spec declares. */
export interface CheckInput {
  readonly run: Run;
  readonly activations: readonly Activation[];
  /** Activation of each event. */
  readonly activationOf: readonly (Activation | null)[];
  /** Entry from C of each event. */
  readonly entryOf: readonly Entry[];
  readonly uses: readonly FrameUse[];
  /** BPF r10 of an activation, as planned; or, without a plan, as it was seen first. Null where it was never seen. */
  readonly frameOf: (activation: Activation) => bigint | null;
  readonly expectation: Expectation;
  /** The same run in the reference interpreter. */
  readonly interpreted: Interpreted;
  /** Whether `retval`, `memory` and `frame_pointers` are to be judged: where the spec declares that all holds, or that such a check fails. */
  readonly judgeValues: boolean;
  readonly environment: TermEnvironment;
}

/** A check: a pure function. Its expectations never come from the policy or the emitter. */
export interface Check {
  readonly id: CheckId;
  /** What it looks at, in one sentence: `privstack explain`. */
  readonly title: string;
  run(input: CheckInput): Finding[];
}

/** Events at the end of a run. */
export const AT_END = Number.POSITIVE_INFINITY;

export const hex = (value: bigint): string => `0x${BigInt.asUintN(64, value).toString(16).padStart(16, '0')}`;
