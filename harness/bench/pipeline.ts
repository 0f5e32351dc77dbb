import { LINUX_6_18, policyNamed } from '../../jit';
import { caseOf } from '../fuzz/case';
import { Examiner } from '../fuzz/examine';
import { prepare } from '../fuzz/prepare';
import { QuickInterpreter } from '../fuzz/quick';
import { emptyTally } from '../fuzz/tally';
import { places, Work } from '../fuzz/work';
import { verify } from '../request-program';

/** Cases, and how they are run. */
export interface PipelineStart {
  readonly policy: string;
  readonly seed: number;
  readonly inputs: number;
  /** One case in so many is looked at with every check. */
  readonly every: number;
}

/** Microseconds that cases took: by the clock, and of processors, those of all threads. */
export interface Taken {
  readonly wall: number;
  readonly cpu: number;
}

/** Parts of the time that a case takes, in the order in which they come. */
export const STAGES = ['generate', 'verify', 'compile', 'write down', 'interpret', 'run', 'every check'] as const;
export type Stage = (typeof STAGES)[number];
/** Microseconds a case. */
export type Stages = Readonly<Record<Stage, number>>;

/** What a process that runs cases is asked, and answers. */
export type PipelineOrder = { readonly kind: 'run' | 'stages'; readonly from: number; readonly to: number };
export type PipelineAnswer = { readonly taken: Taken } | { readonly stages: Stages };

/** The whole way of a case, as a campaign's worker goes it. */
export class Pipeline {
  private readonly work: Work;

  constructor(private readonly start: PipelineStart) {
    this.work = new Work(policyNamed(start.policy)!, start);
  }

  /** Cases `from` up to, not including, `to`; what is found is no news here. */
  run(from: number, to: number): Taken {
    const tally = emptyTally();
    const before = process.cpuUsage();
    const began = performance.now();
    this.work.run(places(from, to), tally);
    const { user, system } = process.cpuUsage(before);
    return { wall: (performance.now() - began) * 1000, cpu: user + system };
  }

  /** The same cases again, with a look at the clock between stages; what is inside another stage runs once more for it. */
  stages(from: number, to: number): Stages {
    const { policy: name, seed, inputs, every } = this.start;
    const policy = policyNamed(name)!;
    const examiner = new Examiner(policy);
    const quick = new QuickInterpreter();
    const sums = Object.fromEntries(STAGES.map((stage) => [stage, 0])) as Record<Stage, number>;
    const timed = <T>(stage: Stage, work: () => T): T => {
      const began = performance.now();
      const result = work();
      sums[stage] += (performance.now() - began) * 1000;
      return result;
    };
    for (let index = from; index < to; index++) {
      const { fuzz, program, inputs: all, around } = timed('generate', () => caseOf(seed, index, inputs));
      const { type, exceptionCallback } = fuzz;
      const whole = { program, type, attachType: undefined, exceptionCallback, asyncCallbacks: [] };
      const began = performance.now();
      verify(whole, policy, LINUX_6_18, false);
      const verifying = (performance.now() - began) * 1000;
      sums.verify += verifying;
      const prepared = timed('compile', () => prepare(fuzz, policy, LINUX_6_18, program));
      sums.compile -= verifying;
      if ('unfit' in prepared) continue;
      const fits = timed('write down', () => examiner.pack(0, prepared, all));
      const isRight = timed('run', () => fits && examiner.runPacked(0) === all.length);
      if (!isRight) {
        timed('run', () => {
          examiner.load(prepared);
          examiner.runAll(all);
        });
      }
      quick.load(prepared);
      const before = sums.interpret;
      timed('interpret', () => {
        for (const input of all) quick.run(input);
      });
      sums.run -= sums.interpret - before;
      if (index % every !== every >> 1 || examiner.isLong) continue;
      timed('every check', () => examiner.full(prepared, { input: all[0]! }));
      const busy = around();
      if (busy) timed('every check', () => examiner.full(prepared, { input: { ...all[0]!, around: busy } }));
    }
    examiner.close();
    return Object.fromEntries(STAGES.map((stage) => [stage, sums[stage] / (to - from)])) as Stages;
  }
}

/** A process of its own, so that it has the memory that a worker has: started by a `PipelineProcess`. */
function main(): void {
  const pipeline = new Pipeline(JSON.parse(process.argv[2]!) as PipelineStart);
  process.on('message', ({ kind, from, to }: PipelineOrder) => {
    const answer: PipelineAnswer =
      kind === 'run' ? { taken: pipeline.run(from, to) } : { stages: pipeline.stages(from, to) };
    process.send!(answer);
  });
  process.on('disconnect', () => process.exit(0));
}

if (require.main === module) main();
