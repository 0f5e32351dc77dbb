import { JitError, type KernelConfig, LINUX_6_18, type Program, type StackPolicy } from '../../jit';
import type { Built } from '../build';
import type { Mutation } from '../fault/mutation';
import { expected } from './expected';
import { type Anomaly, FastRunner } from './fast';
import { builtOfText, type Judgement, judgeText, NoSpec } from './full';
import type { FuzzInput } from './input';
import { type Known, knownOf } from './known';
import type { Packed } from './packed';
import { type Prepared, prepare } from './prepare';
import type { Case } from './shrink-tree';
import { type SpecWords, specText } from './spec-text';

/** Cases in quick succession under one policy: engines are recycled, since translated code piles up in them. */
export class Examiner {
  private runner: FastRunner | undefined;
  private loads = 0;
  private readonly packs: Packed[] = [];

  constructor(
    readonly policy: StackPolicy,
    private readonly config: KernelConfig = LINUX_6_18,
    /** Changed from outside, for those who want to see a fault found. */
    private readonly mutation: Mutation = {},
  ) {}

  private engine(): FastRunner {
    if (this.loads++ % LOADS === 0) {
      this.runner?.close();
      this.runner = new FastRunner(this.config);
    }
    return this.runner!;
  }

  /** Compiles for the policy (`program`: what it is as a program, where that is known); null where it does not run under it. */
  prepare({ program: fuzz }: Pick<Case, 'program'>, program?: Program): Prepared | null {
    try {
      const prepared = prepare(fuzz, this.policy, this.config, program, this.mutation);
      return 'unfit' in prepared ? null : prepared;
    } catch (error) {
      if (error instanceof JitError) return null;
      throw error;
    }
  }

  /** Makes a program the one that runs. */
  load(prepared: Prepared): void {
    this.engine().load(prepared);
  }

  /**
   * Writes down a program and its inputs, for {@link runPacked}: the rest of a case need not be kept until then.
   * @param place one of few, from 0 on
   * @returns whether all of them can be run in one go
   */
  pack(place: number, prepared: Prepared, inputs: readonly FuzzInput[]): boolean {
    const packed = (this.packs[place] ??= (this.runner ?? this.engine()).pack());
    packed.take(prepared);
    return packed.fill(inputs, prepared);
  }

  /** Runs what was written down. @returns how many of its inputs, from the first on, are known to be right */
  runPacked(place: number): number {
    return this.engine().runPacked(this.packs[place]!);
  }

  /** Whether the last run was longer than a trace may be. */
  get isLong(): boolean {
    return this.runner!.executed > TRACEABLE;
  }

  /** The cheap look at a run of what was loaded. */
  runLoaded(input: FuzzInput): Anomaly | null {
    return this.runner!.run(input);
  }

  /** The cheap look at runs of what was loaded, as `FastRunner.runAll` has it. */
  runAll(inputs: readonly FuzzInput[]): ReturnType<FastRunner['runAll']> {
    return this.runner!.runAll(inputs);
  }

  /** The known defect that the last run can show. */
  known(prepared: Prepared): Known | undefined {
    return knownOf(prepared, this.policy, this.runner!.called);
  }

  /** The cheap look. */
  fast(prepared: Prepared, { input }: Pick<Case, 'input'>): Anomaly | null {
    this.load(prepared);
    return this.runLoaded(input);
  }

  /** The case as a spec. */
  text(prepared: Prepared, { input }: Pick<Case, 'input'>, words: Omit<SpecWords, 'policy'>): string {
    return specText(prepared, input, expected(prepared, input), { ...words, policy: this.policy.name });
  }

  /** The case as a watched machine has it, with what is around it, before it runs; null where it does not run. */
  built(prepared: Prepared, which: Pick<Case, 'input'>): Built | null {
    const text = this.text(prepared, which, { name: 'case', description: 'generated' });
    return builtOfText(text, 'case.yaml', { mutation: this.mutation });
  }

  /** Every check. */
  full(prepared: Prepared, which: Pick<Case, 'input'>): Pick<Judgement, 'findings'> {
    const text = this.text(prepared, which, { name: 'case', description: 'generated' });
    if (which.input.around === null) return judgeText(text, 'case.yaml', { mutation: this.mutation });
    try {
      const report = judgeText(text, 'case.yaml', { mutation: this.mutation });
      // So many runs inside a run may be more than a trace has room for.
      const isOften = which.input.around.events.some((event) => event.startsWith('interrupt:'));
      return isOften && report.findings[0]?.check === 'termination' ? { findings: [] } : report;
    } catch (error) {
      // What is around may never come to happen.
      if (error instanceof NoSpec) return { findings: [] };
      throw error;
    }
  }

  close(): void {
    this.runner?.close();
    this.runner = undefined;
    this.loads = 0;
  }
}

/** BPF instructions whose events a machine with a trace has room for. */
const TRACEABLE = 20_000;
/** Programs that an engine runs: each leaves some KB of translated code. */
const LOADS = 4000;
