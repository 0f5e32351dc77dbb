import { type ChildProcess, fork } from 'node:child_process';
import { workerArguments } from '../fuzz/crew';
import type { PipelineAnswer, PipelineOrder, PipelineStart, Stages, Taken } from './pipeline';

/** A process that runs cases as a worker of a campaign does. */
export class PipelineProcess {
  private readonly child: ChildProcess;
  private settle: {
    readonly resolve: (answer: PipelineAnswer) => void;
    readonly reject: (error: Error) => void;
  } | null = null;

  constructor(start: PipelineStart) {
    const path = require.resolve('./pipeline');
    this.child = fork(path, [JSON.stringify(start)], {
      execArgv: workerArguments(path),
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    this.child.on('message', (answer: PipelineAnswer) => this.settle?.resolve(answer));
    this.child.on('exit', (code) => this.settle?.reject(new Error(`the process that runs cases ended with ${code}`)));
  }

  async run(from: number, to: number): Promise<Taken> {
    return ((await this.ask({ kind: 'run', from, to })) as { readonly taken: Taken }).taken;
  }

  async stages(from: number, to: number): Promise<Stages> {
    return ((await this.ask({ kind: 'stages', from, to })) as { readonly stages: Stages }).stages;
  }

  private ask(order: PipelineOrder): Promise<PipelineAnswer> {
    return new Promise((resolve, reject) => {
      this.settle = { resolve, reject };
      this.child.send(order);
    });
  }

  close(): void {
    this.settle = null;
    this.child.kill('SIGKILL');
  }
}
