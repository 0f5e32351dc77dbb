import { type ExceptionTableEntry, type HelperAction, Prot, REG, type RunStatus } from '../native';
import { type Exchange, ExchangeMender } from './exchanges';
import { Guest, HOLE, type Segment } from './guest';
import {
  CONTEXT_BASE,
  CPUS,
  entryRsp,
  HELPER_BASE,
  HELPER_STRIDE,
  PERCPU_POINTER_BASE,
  percpuOffset,
  STACK_BYTES,
  STOP,
  stackBase,
  u64,
} from './layout';
import type { CodeSpan } from './spans';
import { Trace } from './trace';

export { Action, type ExceptionTableEntry, type HelperAction, REG, type RunStatus } from '../native';
export type { Segment } from './guest';

export interface MachineSetup {
  readonly seed: number;
  /** Programs, helper bodies and thunks: readable and executable. */
  readonly code: readonly Segment[];
  /** Of those, what is traced instruction by instruction. */
  readonly traced: readonly CodeSpan[];
  /** Of these programs: what happens where an instruction faults that may. */
  readonly exceptionTable?: readonly ExceptionTableEntry[];
  /** Where helpers are that are modelled, by index. */
  readonly helpers: readonly bigint[];
  /** Maps and whatever else programs reach: readable and writable. */
  readonly data: readonly Segment[];
  readonly contextBytes: number;
  /** Bytes of the dynamic per-CPU area. */
  readonly percpuBytes: number;
  /** Per-CPU memory that lies elsewhere, variables above all: address before the CPU's offset, contents. */
  readonly percpuVariables: (cpu: number) => readonly Segment[];
  onHelper(index: number): HelperAction;
  /** 32-bit compares and exchanges. */
  readonly exchanges?: readonly Exchange[];
  /** Of code that is rewritten: where exchanges may come to be. */
  readonly exchangesWithin?: readonly CodeSpan[];
  /** Where `onInstruction` is asked before each instruction. */
  readonly watched: readonly CodeSpan[];
  onInstruction(rip: bigint): HelperAction;
}

export const helperAddress = (index: number): bigint => HELPER_BASE + HELPER_STRIDE * BigInt(index);

/** More events than this end a run: whatever executes that many instructions does not end by itself. */
const EVENT_CAPACITY = 1 << 17;
/** rflags with only IF and the bit that is always set. */
export const INTERRUPTS_ON = 0x202n;
const BLOCK_BUDGET = 1_000_000;
/** Nothing of a helper's code is executed. */
const HELPER_CODE = Uint8Array.of(HOLE);

/** A computer with kernel stacks, per-CPU areas, helpers and the programs of a scenario. */
export class Machine extends Guest {
  private exchanges: ExchangeMender | undefined;

  constructor(readonly setup: MachineSetup) {
    super(setup.seed, { eventCapacity: EVENT_CAPACITY, blockBudget: BLOCK_BUDGET });
    try {
      this.mapAll();
      this.hookAll();
      this.emu.seal({ stop: STOP });
    } catch (error) {
      this.emu.close();
      throw error;
    }
  }

  private mapAll(): void {
    const { setup } = this;
    // A kernel's helpers may share pages with its thunks.
    const helpers = setup.helpers.map((address) => ({ address, bytes: HELPER_CODE }));
    this.mapSegments([...helpers, ...setup.code], Prot.RX);
    this.mapSegments(setup.data, Prot.RW);
    this.junkFilled(CONTEXT_BASE, setup.contextBytes, 'context');
    for (let cpu = 0; cpu < CPUS; cpu++) {
      this.junkFilled(stackBase(cpu), STACK_BYTES, `stack ${cpu}`);
      this.junkFilled(u64(PERCPU_POINTER_BASE + percpuOffset(cpu)), setup.percpuBytes, `percpu ${cpu}`);
      const variables = setup.percpuVariables(cpu).map(({ address, bytes }) => ({
        address: u64(address + percpuOffset(cpu)),
        bytes,
      }));
      this.mapSegments(variables, Prot.RW);
    }
  }

  private hookAll(): void {
    const { setup, emu } = this;
    if (setup.helpers.length > 0) {
      emu.hookHelpers(setup.helpers, { js: setup.helpers.map(() => true) });
      emu.onHelper((index) => setup.onHelper(index));
    }
    if (setup.exceptionTable?.length) emu.exceptionTable(setup.exceptionTable);
    for (const { lo, hi } of setup.traced) emu.traceCode(lo, hi);
    this.exchanges = new ExchangeMender(emu, setup.exchanges ?? [], setup.exchangesWithin);
    for (const { lo, hi } of setup.watched) emu.onCode(lo, hi, (at) => setup.onInstruction(at));
    emu.watchMemory(0n, 0xffffffffffffffffn);
  }

  /** Rewrites code, also while it runs, but not the block that is being executed. */
  patch(address: bigint, bytes: Uint8Array): void {
    this.memory(address, bytes.length).set(bytes);
    this.emu.invalidate({ addr: address, size: bytes.length });
  }

  /** Where 32-bit compares and exchanges are in code that was rewritten. */
  setExchanges(exchanges: readonly Exchange[]): void {
    this.exchanges!.set(exchanges);
  }

  /**
   * Runs from `entry` on a CPU, as if called from above its stack pointer. Registers are those of `regs`, but for rsp and
   * gsBase.
   */
  run(entry: bigint, cpu: number): RunStatus {
    this.regs[REG.rsp] = entryRsp(cpu);
    this.regs[REG.gsBase] = u64(percpuOffset(cpu));
    this.regs[REG.rflags] = INTERRUPTS_ON;
    this.write64(entryRsp(cpu), STOP);
    return this.emu.run(entry);
  }

  /** What happened in the last run, copied. */
  trace(): Trace {
    return new Trace(this.emu);
  }
}
