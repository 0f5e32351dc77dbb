import type { StackPolicy } from '../../jit';
import { caseOf } from './case';
import { Examiner } from './examine';
import { AROUND, explain, type Find, FULL_ONLY, type Wanted } from './find';

/** What all cases of a campaign have in common. */
export interface Plan {
  readonly seed: number;
  /** Inputs for each program. */
  readonly inputs: number;
  /** One case in so many is looked at with every check, whatever the cheap look says. */
  readonly every: number;
}

/** Something that was seen in a case. */
export interface Seen {
  readonly index: number;
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
}

export const emptyTally = (): Tally => ({ cases: 0, runs: 0, refused: 0, checked: 0, insns: 0, bytes: 0 });

/** Runs cases one after the other. */
export class Work {
  private readonly examiner: Examiner;

  constructor(
    policy: StackPolicy,
    private readonly plan: Plan,
  ) {
    this.examiner = new Examiner(policy);
  }

  /** One case: the first input at which something is wrong; null where nothing is. */
  run(index: number, tally: Tally): Seen | null {
    const { examiner, plan } = this;
    const { fuzz, program, inputs, around } = caseOf(plan.seed, index, plan.inputs);
    tally.cases++;
    const prepared = examiner.prepare({ program: fuzz });
    if (!prepared) {
      tally.refused++;
      return null;
    }
    for (const { insns } of program.subprogs) tally.insns += insns.length;
    for (const code of prepared.built.world.programs[0]!.code) tally.bytes += code.length;
    const kindOf = (what: string): string => {
      const known = examiner.known(prepared);
      return known ? `${known.id}: ${what}` : what;
    };
    examiner.load(prepared);
    for (const [nth, input] of inputs.entries()) {
      tally.runs++;
      const anomaly = examiner.runLoaded(input);
      if (anomaly) return { index, input: nth, what: anomaly.what, kind: kindOf(anomaly.what) };
    }
    if (index % plan.every !== 0 || examiner.isLong) return null;
    tally.checked++;
    // Every other time as it is, and then with something else going on.
    for (const [what, input] of [
      [FULL_ONLY, inputs[0]!],
      [AROUND, { ...inputs[0]!, around }],
    ] as const) {
      const check = examiner.full(prepared, { input }).findings[0]?.check;
      if (check !== undefined) return { index, input: 0, what, kind: kindOf(`${what} ${check}`) };
    }
    return null;
  }

  /** A closer look. */
  explain(wanted: Wanted): Find {
    const { fuzz, inputs, around } = caseOf(this.plan.seed, wanted.index, this.plan.inputs);
    const input = inputs[wanted.input]!;
    return explain(this.examiner, fuzz, wanted.seen === AROUND ? { ...input, around } : input, wanted);
  }

  close(): void {
    this.examiner.close();
  }
}
