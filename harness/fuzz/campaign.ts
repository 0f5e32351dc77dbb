import { Crew } from './crew';
import type { Find, Wanted } from './find';
import { isKnownKind } from './known';
import type { Answer, Order, Ran } from './orders';
import { Schedule } from './schedule';
import { emptyTally, type Plan, type Seen, type Tally } from './tally';

export interface CampaignOptions extends Plan {
  readonly policy: string;
  /** Cases of the seed, from 0 on; without a number until time is up. */
  readonly runs: number | undefined;
  /** Seconds. */
  readonly time: number | undefined;
  readonly workers: number;
  /** This one of so many parts, from 0. */
  readonly shard: readonly [part: number, of: number];
  /** Names of the corpus' programs. */
  readonly names: readonly string[];
  /** These cases, and no others. */
  readonly paths?: readonly string[];
  /** Half of the cases are changes of those that reached something new. */
  readonly guided: boolean;
  /** Looks that are taken at what was seen alike. */
  readonly alike: number;
  /** Closer looks at what is not known after which it is enough. */
  readonly enough: number;
  /** Milliseconds for shrinking one find. */
  readonly shrinking: number;
  /** In the order of cases, whoever was faster. */
  found(find: Found): void;
  /** Blocks are counted in order; these were seen in one. */
  saw(seen: readonly Seen[]): void;
  progress(progress: Progress): void;
}

/** A find, and what it was seen alike with. */
export type Found = Find & { readonly kind: string };

/** Why a campaign has ended. */
export type Ending = 'all cases' | 'time' | 'enough' | 'stopped';

export interface Progress {
  readonly tally: Tally;
  /** Everything that was seen, by kind. */
  readonly seen: ReadonlyMap<string, number>;
  /** What was reached of the emitter. */
  readonly reached: ReadonlySet<string>;
  /** Reasons of the running kernel, by path, for programs that it did not take. */
  readonly refusals: readonly (readonly [path: string, reason: string])[];
  readonly seconds: number;
  readonly ending: Ending;
  /** Seen, worth a closer look, and not looked at closely: when a campaign was stopped. */
  readonly open: readonly Seen[];
  /** Cases that reached something new, with how much. */
  readonly kept: readonly string[];
}

const PROGRESS_MS = 1000;

/** What a worker could not do, as if it had been thrown here. */
function failure({ message, stack, code }: Extract<Answer, { kind: 'failed' }>): Error {
  return Object.assign(new Error(message), { stack, code });
}

/** A closer look, from when it is wanted until what comes of it is reported. */
interface Look {
  readonly seen: Seen;
  find: Find | null;
}

/**
 * A campaign: cases by their place, from a seed. What comes of it does not depend on how many workers there are: blocks of cases
 * are counted in order, whoever was faster, and so are finds.
 */
export class Campaign {
  private readonly tally = emptyTally();
  private readonly seen = new Map<string, number>();
  private readonly reached = new Set<string>();
  private readonly kept: string[] = [];
  private readonly refusals: (readonly [string, string])[] = [];
  private readonly done = new Map<number, Ran>();
  /** How often a worker has died over a case, by place; over a closer look at one. */
  private readonly deadly = new Map<number, number>();
  private readonly deadlyLooks = new Map<number, number>();
  private readonly again: Order[] = [];
  private readonly wanted: Order[] = [];
  private readonly looks: Look[] = [];
  private reportedLooks = 0;
  private readonly schedule: Schedule;
  private counted: number;
  private explained = 0;
  private ending: Ending = 'all cases';
  private readonly started = performance.now();
  private readonly crew: Crew;

  constructor(private readonly options: CampaignOptions) {
    const { policy, seed, inputs, every, reach, corpus, ask, unguarded, workers, shard, runs, names, paths, guided } =
      options;
    this.counted = shard[0];
    this.schedule = new Schedule({ seed, corpus: names, paths, runs, shard, guided });
    this.crew = new Crew({
      policy,
      plan: { seed, inputs, every, reach, corpus, ask, unguarded },
      workers,
      next: () => this.next(),
      answered: (order, answer) => this.answered(order, answer),
      died: (order, index) => this.died(order, index),
    });
  }

  get now(): Progress {
    const { tally, seen, reached, ending, kept, refusals } = this;
    const open = this.looks.slice(this.reportedLooks).flatMap((look) => (look.find ? [] : [look.seen]));
    return { tally, seen, reached, ending, kept, refusals, open, seconds: (performance.now() - this.started) / 1000 };
  }

  /** Runs to the end. @throws Error when workers cannot be started, or one reports what must not happen */
  async run(): Promise<Progress> {
    const timer = setInterval(() => this.options.progress(this.now), PROGRESS_MS);
    const { time } = this.options;
    const end = time === undefined ? undefined : setTimeout(() => this.finish('time'), time * 1000);
    try {
      await this.crew.run();
      return this.now;
    } finally {
      clearInterval(timer);
      clearTimeout(end);
      // What others that were slower stand in front of was found all the same.
      for (const { seen, find } of this.looks.splice(this.reportedLooks)) {
        if (find) this.options.found({ ...find, kind: seen.kind });
      }
    }
  }

  /** No more cases; what was seen is still looked at. */
  private finish(why: Ending): void {
    if (this.ending === 'all cases') this.ending = why;
  }

  /** No more of anything. */
  stop(): void {
    this.finish('stopped');
    this.crew.stop();
  }

  private next(): Order | null {
    const order = this.wanted.shift() ?? this.again.shift();
    if (order) return order;
    const block = this.ending === 'all cases' ? this.schedule.take() : null;
    return block && { kind: 'run', block, skip: [] };
  }

  private answered(order: Order, answer: Exclude<Answer, { kind: 'ready' }>): void {
    if (answer.kind === 'failed') throw failure(answer);
    if (answer.kind === 'explained') this.report(answer.find);
    else this.finished(order as Extract<Order, { kind: 'run' }>, answer);
  }

  private report(find: Find): void {
    this.looks.find(({ seen }) => seen.index === find.index)!.find = find;
    for (let look = this.looks[this.reportedLooks]; look?.find; look = this.looks[this.reportedLooks]) {
      this.reportedLooks++;
      this.options.found({ ...look.find, kind: look.seen.kind });
    }
  }

  private finished({ block, skip }: Extract<Order, { kind: 'run' }>, ran: Ran): void {
    const crashes = skip.map((index): Seen => {
      return { index, path: block.paths[index - block.from]!, input: 0, what: 'crash', kind: 'crash' };
    });
    this.done.set(block.number, { ...ran, seen: [...ran.seen, ...crashes].sort((a, b) => a.index - b.index) });
    for (let next = this.done.get(this.counted); next; next = this.done.get(this.counted)) {
      this.done.delete(this.counted);
      this.counted += this.options.shard[1];
      this.count(next);
    }
  }

  private count({ seen, tally, reached, refusals }: Ran): void {
    const { enough, alike, saw } = this.options;
    if (this.explained >= enough) return;
    for (const key of Object.keys(tally) as (keyof Tally)[]) this.tally[key] += tally[key];
    const news = reached.flatMap(([path, features]) => (this.reach(features) ? [path] : []));
    this.schedule.count(news);
    this.kept.push(...news);
    this.refusals.push(...refusals);
    saw(seen);
    for (const each of seen) {
      const times = (this.seen.get(each.kind) ?? 0) + 1;
      this.seen.set(each.kind, times);
      if (times > alike || this.explained >= enough) continue;
      if (!isKnownKind(each.kind)) this.explained++;
      this.look(each);
    }
    if (this.explained >= enough) this.finish('enough');
  }

  /** Whether one of these is new. */
  private reach(features: readonly string[]): boolean {
    const before = this.reached.size;
    for (const each of features) this.reached.add(each);
    return this.reached.size > before;
  }

  private look(seen: Seen): void {
    const { shrinking: time, ask } = this.options;
    const { index, path, input, what } = seen;
    this.looks.push({ seen, find: null });
    const wanted: Wanted = { index, path, input, seen: what, time, ask: ask !== undefined };
    this.wanted.push({ kind: 'explain', wanted, deadly: what === 'crash' });
  }

  private died(order: Order, index: number | null): void {
    if (order.kind === 'explain') {
      const { index } = order.wanted;
      const times = (this.deadlyLooks.get(index) ?? 0) + 1;
      this.deadlyLooks.set(index, times);
      this.wanted.unshift({ ...order, deadly: order.deadly || times > 1 });
      return;
    }
    const times = index === null ? 0 : (this.deadly.get(index) ?? 0) + 1;
    if (index !== null) this.deadly.set(index, times);
    // Once may be whoever killed it.
    this.again.push(times > 1 ? { ...order, skip: [...order.skip, index!] } : order);
  }
}
