import type { Program } from '../../jit';
import type { Region } from './memory';
import type { FunctionRef, InterpretOptions } from './options';
import type { Outcome, RunResult } from './outcome';
import { Ended, Run } from './run';

/**
 * Runs programs one after the other as RFC 9669 defines them: no JIT, no machine code, no shared frame. Memory persists
 * from run to run; calls of helpers are counted anew. Registers and stack without a value hold junk, and so do r1 to r5
 * after a call.
 */
export class Interpreter {
  private readonly regions: readonly Region[];
  private readonly state: Run;

  constructor(private readonly options: InterpretOptions = {}) {
    this.regions = (options.regions ?? []).map((region) => ({ ...region, bytes: region.bytes.slice() }));
    this.state = new Run(options, this.regions);
  }

  /**
   * C calls a subprog.
   * @returns how that ended, and whom it called. A program that cannot go on is a result too, never an exception; errors
   * of the options' functions pass through.
   */
  run(program: Program, subprog = 0, args: readonly bigint[] = this.options.args ?? this.context()): RunResult {
    const { state } = this;
    state.begin();
    const outcome = this.outcome(() => state.enter(program, subprog, args));
    return { ...outcome, log: state.log, executed: state.executed };
  }

  private outcome(enter: () => bigint): Outcome {
    try {
      const r0 = enter();
      return { kind: 'exit', r0, thrown: this.state.thrown };
    } catch (error) {
      if (error instanceof Ended) return error.outcome;
      throw error;
    }
  }

  private context(): bigint[] {
    return this.regions.filter(({ name }) => name === 'ctx').map(({ base }) => base);
  }

  /** The subprog that an address from ld_imm64 stands for, of any program that has run. */
  functionAt(address: bigint): FunctionRef | undefined {
    return this.state.functionAt(address);
  }

  /** Writes to a region between runs. @returns whether the bytes are all there; else nothing was written */
  write(address: bigint, bytes: Uint8Array): boolean {
    return this.state.memory.write(address, bytes);
  }

  /** Contents of each region now, shared. */
  get memory(): ReadonlyMap<string, Uint8Array> {
    return new Map(this.regions.map(({ name, bytes }) => [name, bytes]));
  }
}
