import type { StackPolicy } from '../../jit';
import { readCorpus } from './corpus';
import { featuresOf } from './coverage';
import { Examiner } from './examine';
import { AROUND, BYTES, explain, type Find, FULL_ONLY, plainFind, type Wanted } from './find';
import type { FuzzInput } from './input';
import { type Answerer, askKernel } from './kernel';
import { type Corpus, caseAt, NO_CORPUS } from './path';
import type { Prepared } from './prepare';
import type { Plan, Seen, Tally } from './tally';

/** What is told about a case besides what was seen in it. */
export interface Notes {
  readonly reached?: (features: ReadonlySet<string>) => void;
  readonly refused?: (reason: string) => void;
}

/** Runs cases one after the other. */
export class Work {
  private readonly examiner: Examiner;
  private readonly corpus: Corpus;

  /** @throws Error of the file system when the corpus cannot be read */
  constructor(
    policy: StackPolicy,
    private readonly plan: Plan,
    private readonly answerer: Answerer = askKernel,
  ) {
    this.examiner = new Examiner(policy);
    this.corpus = plan.corpus === undefined ? NO_CORPUS : readCorpus(plan.corpus).programs;
  }

  /** One case: the first input at which something is wrong; null where nothing is. `path`: that of a case of the seed. */
  run(index: number, tally: Tally, path = String(index), notes: Notes = {}): Seen | null {
    const { examiner, plan } = this;
    const { fuzz, program, inputs, around } = caseAt(path, plan.seed, plan.inputs, this.corpus);
    tally.cases++;
    const prepared = examiner.prepare({ program: fuzz }, program);
    if (!prepared) {
      tally.refused++;
      return null;
    }
    for (const { insns } of program.subprogs) tally.insns += insns.length;
    for (const code of prepared.built.world.programs[0]!.code) tally.bytes += code.length;
    if (notes.reached && plan.reach && (path.startsWith('@') || index % plan.reach === 0)) {
      notes.reached(featuresOf(prepared.built.world.programs[0]!.image!));
    }
    const seen = (input: number, what: string, kind = what): Seen => {
      const known = what === BYTES ? undefined : examiner.known(prepared);
      return { index, path, input, what, kind: known ? `${known.id}: ${kind}` : kind };
    };
    if (plan.ask && index % plan.ask === 0) {
      const differs = this.ask(prepared, tally, (reason) => notes.refused?.(reason));
      if (differs) return seen(0, BYTES);
    }
    examiner.load(prepared);
    for (const [nth, input] of inputs.entries()) {
      tally.runs++;
      const anomaly = examiner.runLoaded(input);
      if (!anomaly) continue;
      // A program from elsewhere, or a changed one, may run for ever, or divide what the generator never would.
      if (isForeign(path) && anomaly.what.startsWith('the interpreter: ')) return null;
      return seen(nth, anomaly.what);
    }
    if ((!path.startsWith('@') && index % plan.every !== plan.every >> 1) || examiner.isLong) return null;
    tally.checked++;
    return this.everyCheck(prepared, inputs[0]!, around, seen);
  }

  /** As it is, and then with something else going on. */
  private everyCheck(
    prepared: Prepared,
    input: FuzzInput,
    around: FuzzInput['around'],
    seen: (input: number, what: string, kind: string) => Seen,
  ): Seen | null {
    for (const [what, given] of [
      [FULL_ONLY, input],
      [AROUND, { ...input, around: this.guarded(around) }],
    ] as const) {
      const check = this.examiner.full(prepared, { input: given }).findings[0]?.check;
      if (check !== undefined) return seen(0, what, `${what} ${check}`);
    }
    return null;
  }

  /** Asks the running kernel. Whether it makes other bytes of the program. */
  private ask({ fuzz, program }: Prepared, tally: Tally, refused: (reason: string) => void): boolean {
    const answer = this.answerer(fuzz, program);
    if (answer.kind === 'not tried') return false;
    tally.asked++;
    if (answer.kind === 'refused') refused(answer.reason);
    else tally.loaded++;
    return answer.kind === 'loaded' && answer.bytes === 'different' && this.examiner.policy.name === 'linux-6.18';
  }

  private guarded(around: FuzzInput['around']): FuzzInput['around'] {
    if (!around || !this.plan.unguarded) return around;
    const events = around.events.map((event) => (event.startsWith('interrupt: ') ? `${event}, guard: none` : event));
    return { ...around, events };
  }

  /** A closer look. `deadly`: not one that runs anything. */
  explain(wanted: Wanted, deadly = false): Find {
    const { seed, inputs: count } = this.plan;
    const { fuzz, inputs, around } = caseAt(wanted.path ?? String(wanted.index), seed, count, this.corpus);
    const input = inputs[wanted.input]!;
    if (deadly || wanted.seen === BYTES) return plainFind(this.examiner, fuzz, input, wanted);
    return explain(
      this.examiner,
      fuzz,
      wanted.seen === AROUND ? { ...input, around: this.guarded(around) } : input,
      wanted,
    );
  }

  close(): void {
    this.examiner.close();
  }
}

const isForeign = (path: string): boolean => !/^\d+$/.test(path);
