import { type ChildProcess, fork } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Answer, Order, Start } from './orders';

/** A worker and what it is doing. */
interface Worker {
  readonly process: ChildProcess;
  readonly file: string;
  order: Order | null;
  ready: boolean;
}

export interface CrewOptions extends Omit<Start, 'kind' | 'file'> {
  readonly workers: number;
  /** The next thing to do; null when there is nothing right now. */
  next(): Order | null;
  answered(order: Order, answer: Exclude<Answer, { kind: 'ready' }>): void;
  /** A worker died over an order, in that case (null: before any). The order is not done. */
  died(order: Order, index: number | null): void;
}

/** Deaths in a row without an answer in between after which something is wrong that is not a case. */
const MOST_DEATHS = 8;

/** Child processes that do what they are ordered; one that dies is replaced. */
export class Crew {
  private readonly folder = mkdtempSync(join(tmpdir(), 'privstack-fuzz-'));
  private workers: Worker[] = [];
  private deaths = 0;
  private started = 0;
  private over: { readonly resolve: () => void; readonly reject: (error: Error) => void } | undefined;

  constructor(private readonly options: CrewOptions) {}

  /** Works until nobody has anything left to do. @throws Error when workers cannot be started */
  async run(): Promise<void> {
    try {
      await new Promise<void>((resolve, reject) => {
        this.over = { resolve, reject };
        for (let i = 0; i < this.options.workers; i++) this.start();
      });
    } finally {
      this.over = undefined;
      for (const each of this.workers) each.process.kill('SIGKILL');
      rmSync(this.folder, { recursive: true, force: true });
    }
  }

  private start(): void {
    const { policy, plan } = this.options;
    const file = join(this.folder, `case-${this.started++}`);
    const process = waiting.shift() ?? forkWorker();
    process.ref();
    process.channel?.ref();
    process.send({ kind: 'start', policy, plan, file } satisfies Start);
    const worker: Worker = { process, file, order: null, ready: false };
    this.workers.push(worker);
    process.on('message', (answer: Answer) => this.hear(worker, answer));
    process.on('exit', () => this.lost(worker));
  }

  private hear(worker: Worker, answer: Answer): void {
    worker.ready = true;
    if (answer.kind !== 'ready') {
      const order = worker.order!;
      worker.order = null;
      this.deaths = 0;
      try {
        this.options.answered(order, answer);
      } catch (error) {
        this.over?.reject(error as Error);
      }
    }
    this.employ();
  }

  /** Gives work to whoever has none. */
  employ(): void {
    for (const worker of this.workers) {
      if (!worker.ready || worker.order) continue;
      const order = this.options.next();
      if (!order) break;
      worker.order = order;
      worker.process.send(order);
    }
    if (this.workers.every(({ order }) => order === null) && this.workers.some(({ ready }) => ready)) {
      this.over?.resolve();
    }
  }

  private lost(worker: Worker): void {
    if (!this.over) return;
    this.workers = this.workers.filter((each) => each !== worker);
    if (++this.deaths > MOST_DEATHS) {
      this.over.reject(new Error(`${this.deaths} workers ended one after the other, before they had done anything`));
      return;
    }
    this.start();
    if (worker.order) this.options.died(worker.order, written(worker.file));
  }

  /** Ends now, whatever is being done. */
  stop(): void {
    this.over?.resolve();
  }
}

/**
 * What Node is told for a worker. Cases leave nothing behind but garbage: with more room for what is young, most of it is never
 * copied; and more threads for that would take the processors that other workers have. What is compiled stays: V8 throws away
 * functions that were not interpreted for a while, and those that are always fast are among them.
 */
export function workerArguments(path: string): string[] {
  const memory = ['--max-semi-space-size=64', '--single-threaded-gc', '--no-flush-bytecode'];
  return path.endsWith('.ts') ? [...memory, '--require', join(__dirname, '../../scripts/typescript.js')] : memory;
}

/** Workers that load what they need while nobody knows yet what for. */
const waiting: ChildProcess[] = [];

function forkWorker(): ChildProcess {
  const path = require.resolve('./worker');
  return fork(path, [], { execArgv: workerArguments(path), stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
}

/** Starts workers before there is a campaign. They end when this process does. */
export function prefork(workers: number): void {
  process.once('exit', () => {
    for (const each of waiting) each.kill('SIGKILL');
  });
  for (let i = 0; i < workers; i++) {
    const worker = forkWorker();
    worker.unref();
    worker.channel?.unref();
    waiting.push(worker);
  }
}

/** The case that a worker wrote down last. */
function written(file: string): number | null {
  try {
    const bytes = readFileSync(file);
    return bytes.length < 8 ? null : Number(bytes.readBigInt64LE(0));
  } catch {
    return null;
  }
}
