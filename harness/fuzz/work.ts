import type { StackPolicy } from '../../jit';
import type { FuzzCase } from './case';
import { readCorpus } from './corpus';
import { featuresOf } from './coverage';
import { Examiner } from './examine';
import { AROUND, BYTES, explain, type Find, FULL_ONLY, plainFind, type Wanted } from './find';
import type { FuzzInput } from './input';
import { type Answerer, askKernel } from './kernel';
import { type Corpus, caseAt, NO_CORPUS } from './path';
import type { Prepared } from './prepare';
import type { Plan, Seen, Tally } from './tally';

/** A case of a plan: number, and path (`String(index)` for one of the seed). */
export interface Place {
  readonly index: number;
  readonly path: string;
}

/** Cases of a seed: `from` up to, not including, `to`. */
export const places = (from: number, to: number): Place[] =>
  Array.from({ length: to - from }, (_, i) => ({ index: from + i, path: String(from + i) }));

/** What is told about cases besides what was seen in them. */
export interface Notes {
  /** Before anything of it runs. */
  readonly begins?: (place: Place) => void;
  readonly reached?: (place: Place, features: ReadonlySet<string>) => void;
  readonly refused?: (place: Place, reason: string) => void;
}

/** A case that has its turn soon: what is known of it before it runs. */
interface Ready extends Place {
  /** Where it is written down; -1 for one that does not run at all. */
  readonly at: number;
  /** Inputs, where all of them can be run in one go; else 0. */
  readonly inputs: number;
  /** What it reaches, where that is asked for. */
  readonly features: ReadonlySet<string> | null;
}

/** A case with all there is to know about it. */
interface Whole {
  readonly found: FuzzCase;
  readonly prepared: Prepared;
}

/** Cases that are generated, compiled and written down before the first of them runs: processors are quicker at one thing at a time. */
const TOGETHER = 128;

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

  /** Cases, in order. @returns of those at which something is wrong the first input with which it is */
  run(places: readonly Place[], tally: Tally, notes: Notes = {}): Seen[] {
    const all: Seen[] = [];
    for (let from = 0; from < places.length; from += TOGETHER) {
      for (const ready of places.slice(from, from + TOGETHER).map((place, at) => this.pack(place, at, tally))) {
        notes.begins?.(ready);
        if (ready.features) notes.reached?.(ready, ready.features);
        if (ready.at < 0 || this.isRight(ready, tally)) continue;
        const seen = this.look(ready, tally, notes);
        if (seen) all.push(seen);
      }
    }
    return all;
  }

  private whole({ path }: Place): Whole | null {
    const { seed, inputs } = this.plan;
    const found = caseAt(path, seed, inputs, this.corpus);
    const prepared = this.examiner.prepare({ program: found.fuzz }, found.program);
    return prepared && { found, prepared };
  }

  /** Generates, compiles and writes down. What else there was of the case is gone then: it can be had again. */
  private pack(place: Place, at: number, tally: Tally): Ready {
    const { index, path } = place;
    const { reach } = this.plan;
    tally.cases++;
    const whole = this.whole(place);
    if (!whole) {
      tally.refused++;
      return { index, path, at: -1, inputs: 0, features: null };
    }
    const { prepared, found } = whole;
    const { code, image } = prepared.built.world.programs[0]!;
    for (const { insns } of found.program.subprogs) tally.insns += insns.length;
    for (const bytes of code) tally.bytes += bytes.length;
    const isReached = reach && (path.startsWith('@') || index % reach === 0);
    const fits = this.examiner.pack(at, prepared, found.inputs);
    return {
      index,
      path,
      at,
      inputs: fits ? found.inputs.length : 0,
      features: isReached ? featuresOf(image!) : null,
    };
  }

  /** Whether the case has its turn on the running kernel, or under every check. */
  private isChosen({ index, path }: Place): boolean {
    const { ask, every } = this.plan;
    return Boolean(ask && index % ask === 0) || path.startsWith('@') || index % every === every >> 1;
  }

  /** The quick way: whether there is nothing to be seen in the case, and nobody wants to know more. */
  private isRight(ready: Ready, tally: Tally): boolean {
    if (ready.inputs === 0 || this.isChosen(ready) || this.examiner.runPacked(ready.at) < ready.inputs) return false;
    tally.runs += ready.inputs;
    return true;
  }

  private look(ready: Place, tally: Tally, notes: Notes): Seen | null {
    const { examiner, plan } = this;
    const { index, path } = ready;
    const { found, prepared } = this.whole(ready)!;
    const { inputs } = found;
    const seen = (input: number, what: string, kind = what): Seen => {
      const known = what === BYTES ? undefined : examiner.known(prepared);
      return { index, path, input, what, kind: known ? `${known.id}: ${kind}` : kind };
    };
    if (plan.ask && index % plan.ask === 0) {
      const differs = this.ask(prepared, tally, (reason) => notes.refused?.(ready, reason));
      if (differs) return seen(0, BYTES);
    }
    examiner.load(prepared);
    const wrong = examiner.runAll(inputs);
    tally.runs += wrong ? wrong.nth + 1 : inputs.length;
    if (wrong) {
      const { nth, anomaly } = wrong;
      // A program from elsewhere, or a changed one, may run for ever, or divide what the generator never would.
      if (isForeign(path) && anomaly.what.startsWith('the interpreter: ')) return null;
      return seen(nth, anomaly.what);
    }
    if ((!path.startsWith('@') && index % plan.every !== plan.every >> 1) || examiner.isLong) return null;
    tally.checked++;
    return this.everyCheck(prepared, inputs[0]!, found.around(), seen);
  }

  /** As it is, and then with something else going on, where there is something. */
  private everyCheck(
    prepared: Prepared,
    input: FuzzInput,
    around: FuzzInput['around'],
    seen: (input: number, what: string, kind: string) => Seen,
  ): Seen | null {
    const busy = this.guarded(around);
    const quiet = [FULL_ONLY, input] as const;
    for (const [what, given] of busy ? [quiet, [AROUND, { ...input, around: busy }] as const] : [quiet]) {
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
      wanted.seen === AROUND ? { ...input, around: this.guarded(around()) } : input,
      wanted,
    );
  }

  close(): void {
    this.examiner.close();
  }
}

const isForeign = (path: string): boolean => !/^\d+$/.test(path);
