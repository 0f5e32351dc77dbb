import { Action, type CommonPolicy, type HelperAction, Prot, REG, type RunStatus, type SeriesSetup } from '../native';
import { Guest, HOLE, type Segment } from './guest';
import { fillJunk } from './junk';
import {
  CONTEXT_BASE,
  CPUS,
  entryRsp,
  HELPER_BASE,
  HELPER_STRIDE,
  IMAGE_BASE,
  PERCPU_POINTER_BASE,
  percpuOffset,
  STACK_BYTES,
  STOP,
  stackBase,
  u64,
} from './layout';
import { INTERRUPTS_ON } from './machine';

export interface ReusedSetup {
  readonly seed: number;
  readonly contextBytes: number;
  /** Thunks of the kernel. */
  readonly code: readonly Segment[];
  readonly data: readonly Segment[];
  /** Per-CPU variables: address before the CPU's offset, value. */
  readonly percpuVariables: (cpu: number) => readonly Segment[];
}

const GPRS = 16;
/** Bytes for the programs' code, and for each CPU's dynamic area. */
const CODE_BYTES = 1 << 20;
const PERCPU_BYTES = 1 << 14;
/** Helpers whose policy is native, and those that ask {@link ReusedMachine.onCall}. */
export const PLAIN_HELPERS = 32;
const CALLED_HELPERS = 32;
/** All of them. */
export const HELPER_PLACES = PLAIN_HELPERS + CALLED_HELPERS;
const EVENT_CAPACITY = 1 << 12;
const BLOCK_BUDGET = 400_000;
/** Bytes of junk, more than are ever needed at once so that runs begin in different places. */
const JUNK_BYTES = 1 << 16;
/** Bytes of stack below the entry that are made junk again before a run: eight frames and what is pushed need less. */
export const STACK_USED = 0x1800;

const ADDRESSES: readonly bigint[] = Array.from(
  { length: HELPER_PLACES },
  (_, i) => HELPER_BASE + HELPER_STRIDE * BigInt(i),
);

/** Where a helper with a native policy is. */
export const plainHelperAddress = (index: number): bigint =>
  ADDRESSES[index] ?? HELPER_BASE + HELPER_STRIDE * BigInt(index);
/** Where a helper is that {@link ReusedMachine.onCall} models. */
export const calledHelperAddress = (index: number): bigint => plainHelperAddress(PLAIN_HELPERS + index);

/**
 * A computer in which one program after the other runs, without a trace: code is rewritten and invalidated, memory is made
 * junk again. Everything is where a `Machine` has it. Helpers that only destroy registers are native.
 */
export class ReusedMachine extends Guest {
  /** Model of the helpers at {@link calledHelperAddress}. */
  onCall: (index: number) => HelperAction = () => Action.STOP;
  readonly context: Uint8Array;
  /** The general registers. */
  readonly registers: BigUint64Array;
  readonly percpu: readonly Uint8Array[];
  protected readonly code: Uint8Array;
  private readonly stacks: readonly Uint8Array[];
  private readonly entries: readonly BigUint64Array[];
  protected readonly junk = new Uint8Array(JUNK_BYTES);
  /** The same, as numbers that are no addresses. */
  private readonly junkNumbers: BigUint64Array;
  /** What helpers do that only destroy registers and return something. */
  readonly policy: CommonPolicy;
  protected codeUsed = 0;
  /** Where the junk of the last {@link reset} begins. */
  protected junkFrom = 0;

  constructor(setup: ReusedSetup) {
    super(setup.seed, { eventCapacity: EVENT_CAPACITY, blockBudget: BLOCK_BUDGET });
    this.registers = this.regs.subarray(0, GPRS);
    fillJunk(this.junk, setup.seed, 'reused');
    // Not canonical, so whoever uses one as a pointer is found out.
    this.junkNumbers = new BigUint64Array(this.junk.buffer).map(
      (word) => (word & 0x3fff_ffff_ffff_ffffn) | 0x4000_0000_0000_0000n,
    );
    try {
      this.code = this.map(IMAGE_BASE, CODE_BYTES, Prot.RX);
      this.mapSegments(setup.code, Prot.RX);
      this.mapSegments(setup.data, Prot.RW);
      this.map(HELPER_BASE, Number(HELPER_STRIDE) * HELPER_PLACES, Prot.RX);
      this.context = this.map(CONTEXT_BASE, setup.contextBytes, Prot.RW).subarray(0, setup.contextBytes);
      const cpus = Array.from({ length: CPUS }, (_, cpu) => cpu);
      this.stacks = cpus.map((cpu) => this.map(stackBase(cpu), STACK_BYTES, Prot.RW));
      this.percpu = cpus.map((cpu) => this.map(u64(PERCPU_POINTER_BASE + percpuOffset(cpu)), PERCPU_BYTES, Prot.RW));
      for (const cpu of cpus) {
        const variables = setup.percpuVariables(cpu);
        this.mapSegments(
          variables.map(({ address, bytes }) => ({ address: u64(address + percpuOffset(cpu)), bytes })),
          Prot.RW,
        );
      }
      this.entries = this.stacks.map((stack, cpu) => {
        return new BigUint64Array(stack.buffer, stack.byteOffset + Number(entryRsp(cpu) - stackBase(cpu)), 1);
      });
      const addresses = Array.from({ length: HELPER_PLACES }, (_, i) => plainHelperAddress(i));
      this.emu.hookHelpers(addresses, { js: addresses.map((_, i) => i >= PLAIN_HELPERS) });
      this.emu.onHelper((index) => this.onCall(index - PLAIN_HELPERS));
      this.policy = this.emu.commonPolicy({ brief: true });
      this.emu.seal({ stop: STOP });
    } catch (error) {
      this.emu.close();
      throw error;
    }
  }

  /** Takes the place of the code before: pieces at addresses from IMAGE_BASE on. @throws RangeError when there is no room */
  load(pieces: readonly Uint8Array[], addresses: readonly bigint[]): void {
    const { code, codeUsed } = this;
    code.fill(HOLE, 0, codeUsed);
    let used = 0;
    for (let i = 0; i < pieces.length; i++) {
      const bytes = pieces[i]!;
      const offset = Number(addresses[i]! - IMAGE_BASE);
      code.set(bytes, offset);
      used = Math.max(used, offset + bytes.length);
    }
    this.codeUsed = Math.max(used, 1);
    const forgotten = Math.max(codeUsed, used);
    if (forgotten > 0) this.emu.invalidate({ addr: IMAGE_BASE, size: forgotten });
  }

  /**
   * Makes registers and memory what they are before a run: the stack of `cpu`, all of the dynamic areas up to `percpuBytes`.
   * @param start which junk, from 0 up to 1023
   */
  reset(cpu: number, percpuBytes: number, start: number): void {
    const { junk } = this;
    const from = (start & 1023) * 8;
    const top = Number(entryRsp(cpu) - stackBase(cpu));
    this.junkFrom = from;
    this.stacks[cpu]!.set(junk.subarray(from, from + STACK_USED), top - STACK_USED);
    for (const area of this.percpu) area.set(junk.subarray(from + 8, from + 8 + percpuBytes));
    const first = from >> 3;
    this.regs.set(this.junkNumbers.subarray(first, first + GPRS));
  }

  /** Whether a CPU's dynamic area is as the last {@link reset} with that `start` made it. */
  isUntouched(cpu: number, percpuBytes: number, start: number): boolean {
    const from = (start & 1023) * 8 + 8;
    return (
      Buffer.compare(this.percpu[cpu]!.subarray(0, percpuBytes), this.junk.subarray(from, from + percpuBytes)) === 0
    );
  }

  /** Makes some bytes of a CPU's dynamic area what {@link reset} makes of them. */
  restore(cpu: number, offset: number, bytes: number, start: number): void {
    const from = (start & 1023) * 8 + 8 + offset;
    this.percpu[cpu]!.set(this.junk.subarray(from, from + bytes), offset);
  }

  /** The same for a {@link Series}: what {@link reset} and {@link run} do. */
  get series(): Omit<SeriesSetup, 'contextBytes' | 'guard'> {
    return {
      cpus: this.percpu.map((_, cpu) => ({
        rsp: entryRsp(cpu),
        area: u64(PERCPU_POINTER_BASE + percpuOffset(cpu)),
        gsBase: percpuOffset(cpu),
      })),
      stackBytes: STACK_USED,
      context: CONTEXT_BASE,
      rflags: INTERRUPTS_ON,
      stub: HELPER_PLACES - 1,
      junk: this.junk,
    };
  }

  /** Runs from `entry` on a CPU, as a `Machine` does. */
  run(entry: bigint, cpu: number): RunStatus {
    const { regs } = this;
    regs[REG.rsp] = entryRsp(cpu);
    regs[REG.gsBase] = percpuOffset(cpu);
    regs[REG.rflags] = INTERRUPTS_ON;
    this.entries[cpu]![0] = STOP;
    return this.emu.run(entry);
  }
}
