import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { policyNamed } from '../../jit';
import { BareLoop } from './bare-loop';
import type { Stages } from './pipeline';
import { PipelineProcess } from './pipeline-process';
import { record } from './record';

export interface FuzzBenchOptions {
  readonly policy: string;
  /** Rounds, each of the same cases: nobody remembers hundreds of them. */
  readonly rounds: number;
  /** One case in so many is looked at with every check. */
  readonly every: number;
  /** For each number of inputs: cases of a round, and before the first. */
  readonly sizes: readonly { readonly inputs: number; readonly cases: number; readonly warmUp: number }[];
  /** Cases for each of two workers in a round; 0 leaves them out. */
  readonly together: number;
}

/** How our pipeline compares with the bare loop over the same programs: 1 is as fast. Medians of all rounds. */
export interface Compared {
  readonly inputs: number;
  readonly cases: number;
  /** By the clock, and by the time of processors, which others on the same machine do not change much. */
  readonly ratio: number;
  readonly cpuRatio: number;
  /** Microseconds of processors for a program and all its inputs. */
  readonly bare: number;
  readonly ours: number;
  readonly stages: Stages;
}

export interface FuzzFigures {
  readonly version: 1;
  readonly policy: string;
  readonly rounds: number;
  readonly every: number;
  readonly compared: readonly Compared[];
  /** Cases a second of two processes as a multiple of one's; null where that was left out. */
  readonly twoWorkers: number | null;
}

const SEED = 1;
/** Two workers have a round when one and the bare loop had so many: theirs are longer. */
const TOGETHER_EVERY = 2;
/** Cases before those of the rounds. */
const BEFORE = 10_000_000;

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;

/** @throws EmuError without a compiler or libunicorn */
export async function measureFuzz(options: FuzzBenchOptions): Promise<FuzzFigures> {
  const { policy, rounds, every, sizes, together } = options;
  const folder = mkdtempSync(join(tmpdir(), 'privstack-bench-'));
  try {
    const bare = new BareLoop();
    const compared: Compared[] = [];
    for (const size of sizes) compared.push(await compare(bare, folder, options, size));
    const twoWorkers = together > 0 ? await twice(options) : null;
    return { version: 1, policy, rounds, every, compared, twoWorkers };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function compare(
  bare: BareLoop,
  folder: string,
  { policy, rounds, every }: FuzzBenchOptions,
  { inputs, cases, warmUp }: FuzzBenchOptions['sizes'][number],
): Promise<Compared> {
  const file = join(folder, 'cases');
  const pipeline = new PipelineProcess({ policy, seed: SEED, inputs, every });
  try {
    record({ policy: policyNamed(policy)!, seed: SEED, from: 0, to: cases, inputs }, file);
    await pipeline.run(BEFORE, BEFORE + warmUp);
    const results: { bare: number; ours: number; wall: number; cpu: number }[] = [];
    for (let round = 0; round < rounds; round++) {
      const alone = bare.run(file);
      // It was idle, and an idle process gives memory back; a worker never is.
      await pipeline.run(BEFORE, BEFORE + 2 * cases);
      const ours = await pipeline.run(0, cases);
      const again = bare.run(file);
      const best = { wall: (alone.wall + again.wall) / 2000, cpu: (alone.cpu + again.cpu) / 2000 };
      results.push({
        bare: best.cpu / cases,
        ours: ours.cpu / cases,
        wall: best.wall / ours.wall,
        cpu: best.cpu / ours.cpu,
      });
    }
    const of = (pick: (result: (typeof results)[number]) => number): number => median(results.map(pick));
    return {
      inputs,
      cases,
      ratio: of(({ wall }) => wall),
      cpuRatio: of(({ cpu }) => cpu),
      bare: of((each) => each.bare),
      ours: of((each) => each.ours),
      stages: await pipeline.stages(0, cases),
    };
  } finally {
    pipeline.close();
  }
}

/**
 * One process and two at once in turn, over as many cases each. A campaign's workers run for minutes, and these need a few
 * seconds: two that wake up together share one processor until the kernel sees that there is another.
 */
async function twice({ policy, rounds, every, together, sizes }: FuzzBenchOptions): Promise<number> {
  const { inputs, warmUp } = sizes[0]!;
  const both = [0, 1].map(() => new PipelineProcess({ policy, seed: SEED, inputs, every }));
  const [first, second] = both as [PipelineProcess, PipelineProcess];
  try {
    await Promise.all(both.map((each, i) => each.run(BEFORE * (i + 1), BEFORE * (i + 1) + warmUp)));
    const ratios: number[] = [];
    for (let round = 0; round < Math.ceil(rounds / TOGETHER_EVERY); round++) {
      const [from, to] = [round * together, (round + 1) * together];
      await Promise.all(both.map((each) => each.run(BEFORE, BEFORE + together)));
      const one = await first.run(from, to);
      const began = performance.now();
      await Promise.all([first.run(from, to), second.run(from, to)]);
      ratios.push((2 * one.wall) / 1000 / (performance.now() - began));
    }
    return median(ratios);
  } finally {
    for (const each of both) each.close();
  }
}
