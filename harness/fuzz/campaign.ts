import { policyNamed } from '../../jit';
import { caseOf } from './case';
import { Crew } from './crew';
import { Examiner } from './examine';
import type { Find, Wanted } from './find';
import type { Answer, Order } from './orders';
import { emptyTally, type Plan, type Seen, type Tally } from './work';

export interface CampaignOptions extends Plan {
  readonly policy: string;
  /** Cases, from 0 on; without a number until time is up. */
  readonly runs: number | undefined;
  /** Seconds. */
  readonly time: number | undefined;
  readonly workers: number;
  /** This one of so many parts, from 0. */
  readonly shard: readonly [part: number, of: number];
  /** Looks that are taken at what was seen alike. */
  readonly alike: number;
  /** Closer looks at what is not known after which it is enough. */
  readonly enough: number;
  /** Whether the running kernel's verifier is asked about what is found. */
  readonly ask: boolean;
  /** Milliseconds for shrinking one find. */
  readonly shrinking: number;
  found(find: Find & { readonly kind: string }): void;
  progress(progress: Progress): void;
}

export interface Progress {
  readonly tally: Tally;
  /** Everything that was seen, by kind. */
  readonly seen: ReadonlyMap<string, number>;
  readonly seconds: number;
}

/** Cases that a worker takes at a time. */
const BLOCK = 32;
const PROGRESS_MS = 1000;

interface Block {
  readonly seen: readonly Seen[];
  readonly tally: Tally;
}

/**
 * A campaign: cases by number, from a seed. What comes of it does not depend on how many workers there are: blocks of cases are
 * counted in order, whoever was faster.
 */
export class Campaign {
  private readonly tally = emptyTally();
  private readonly seen = new Map<string, number>();
  private readonly done = new Map<number, Block>();
  private readonly deadly = new Map<number, number>();
  private readonly again: Order[] = [];
  private readonly wanted: { readonly wanted: Wanted; readonly kind: string }[] = [];
  private readonly explaining = new Map<number, string>();
  /** Next block to hand out, and to count. */
  private handed: number;
  private counted: number;
  private explained = 0;
  private stopped = false;
  private readonly started = performance.now();
  private readonly crew: Crew;

  constructor(private readonly options: CampaignOptions) {
    const { policy, seed, inputs, every, workers, shard } = options;
    this.handed = this.counted = shard[0];
    this.crew = new Crew({
      policy,
      plan: { seed, inputs, every },
      workers,
      next: () => this.next(),
      answered: (order, answer) => this.answered(order, answer),
      died: (order, index) => this.died(order, index),
    });
  }

  get now(): Progress {
    return { tally: this.tally, seen: this.seen, seconds: (performance.now() - this.started) / 1000 };
  }

  /** Runs to the end. @throws Error when workers cannot be started, or one reports what must not happen */
  async run(): Promise<Progress> {
    const timer = setInterval(() => this.options.progress(this.now), PROGRESS_MS);
    const { time } = this.options;
    const end = time === undefined ? undefined : setTimeout(() => this.finish(), time * 1000);
    try {
      await this.crew.run();
      return this.now;
    } finally {
      clearInterval(timer);
      clearTimeout(end);
    }
  }

  /** No more cases; what was seen is still looked at. */
  finish(): void {
    this.stopped = true;
  }

  /** No more of anything. */
  stop(): void {
    this.stopped = true;
    this.crew.stop();
  }

  private next(): Order | null {
    const wanted = this.wanted.shift();
    if (wanted) {
      this.explaining.set(wanted.wanted.index, wanted.kind);
      return { kind: 'explain', wanted: wanted.wanted };
    }
    const again = this.again.shift();
    if (again) return again;
    const from = this.handed * BLOCK;
    const { runs = Number.POSITIVE_INFINITY, shard } = this.options;
    if (this.stopped || from >= runs) return null;
    this.handed += shard[1];
    return { kind: 'run', from, to: Math.min(runs, from + BLOCK), skip: [] };
  }

  private answered(order: Order, answer: Exclude<Answer, { kind: 'ready' }>): void {
    if (answer.kind === 'failed') throw new Error(answer.message);
    if (answer.kind === 'explained') this.report(answer.find);
    else this.finished(order as Extract<Order, { kind: 'run' }>, answer);
  }

  private report(find: Find): void {
    this.options.found({ ...find, kind: this.explaining.get(find.index)! });
  }

  private finished({ from, skip }: Extract<Order, { kind: 'run' }>, { seen, tally }: Block): void {
    const crashes = skip.map((index): Seen => ({ index, input: 0, what: 'crash', kind: 'crash' }));
    const all = [...seen, ...crashes].sort((a, b) => a.index - b.index);
    this.done.set(from / BLOCK, { seen: all, tally });
    for (let block = this.done.get(this.counted); block; block = this.done.get(this.counted)) {
      this.done.delete(this.counted);
      this.counted += this.options.shard[1];
      this.count(block);
    }
  }

  private count({ seen, tally }: Block): void {
    if (this.explained >= this.options.enough) return;
    for (const key of Object.keys(tally) as (keyof Tally)[]) this.tally[key] += tally[key];
    for (const each of seen) {
      const times = (this.seen.get(each.kind) ?? 0) + 1;
      this.seen.set(each.kind, times);
      if (times > this.options.alike || this.explained >= this.options.enough) continue;
      if (!each.kind.includes(': ')) this.explained++;
      this.want(each);
    }
    if (this.explained >= this.options.enough) this.stopped = true;
  }

  private want({ index, input, what, kind }: Seen): void {
    if (what === 'crash') {
      this.explaining.set(index, kind);
      this.report(this.crash(index, input));
    } else
      this.wanted.push({
        wanted: { index, input, seen: what, time: this.options.shrinking, ask: this.options.ask },
        kind,
      });
  }

  /** A case that ends the process cannot be made smaller by running it. */
  private crash(index: number, input: number): Find {
    const { policy, seed, inputs } = this.options;
    const { fuzz, inputs: all, program } = caseOf(seed, index, inputs);
    const examiner = new Examiner(policyNamed(policy)!);
    const prepared = examiner.prepare({ program: fuzz })!;
    const description = `Under ${policy}: it ends the process that runs it`;
    return {
      index,
      input,
      policy,
      check: 'crash',
      seen: 'crash',
      message: 'the emulator ends the process',
      site: null,
      key: `crash ${index}`,
      known: null,
      kernel: 'not tried',
      insns: program.subprogs.reduce((sum, { insns }) => sum + insns.length, 0),
      spec: examiner.text(
        prepared,
        { input: all[input]! },
        { name: `found by fuzzing: crash, case ${index}`, description },
      ),
      again: 0,
    };
  }

  private died(order: Order, index: number | null): void {
    if (order.kind === 'explain') {
      const { wanted } = order;
      const times = (this.deadly.get(-1 - wanted.index) ?? 0) + 1;
      this.deadly.set(-1 - wanted.index, times);
      if (times > 1) this.report(this.crash(wanted.index, wanted.input));
      else this.wanted.unshift({ wanted, kind: this.explaining.get(wanted.index)! });
      return;
    }
    const times = index === null ? 0 : (this.deadly.get(index) ?? 0) + 1;
    if (index !== null) this.deadly.set(index, times);
    // Once may be whoever killed it.
    this.again.push(times > 1 ? { ...order, skip: [...order.skip, index!] } : order);
  }
}
