import { Action, Emu, type ExceptionTableEntry, type HelperAction, Prot, REG, type RunStatus } from '../native';
import { type Exchange, mendExchanges } from './exchanges';
import { fillJunk } from './junk';
import {
  CONTEXT_BASE,
  CPUS,
  entryRsp,
  HELPER_BASE,
  HELPER_STRIDE,
  PAGE,
  PERCPU_POINTER_BASE,
  pageDown,
  pages,
  percpuOffset,
  STACK_BYTES,
  STOP,
  stackBase,
  u64,
} from './layout';
import type { CodeSpan } from './spans';
import { Trace } from './trace';

export { Action, type ExceptionTableEntry, type HelperAction, REG, type RunStatus } from '../native';

/** Bytes at an address. */
export interface Segment {
  readonly address: bigint;
  readonly bytes: Uint8Array;
}

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
  /** Where `onInstruction` is asked before each instruction. */
  readonly watched: readonly CodeSpan[];
  onInstruction(rip: bigint): HelperAction;
}

export const helperAddress = (index: number): bigint => HELPER_BASE + HELPER_STRIDE * BigInt(index);

/** More events than this end a run: whatever executes that many instructions does not end by itself. */
const EVENT_CAPACITY = 1 << 17;
/** rflags with only IF and the bit that is always set. */
const INTERRUPTS_ON = 0x202n;
const BLOCK_BUDGET = 1_000_000;
/** Bytes below the stack pointer that a helper overwrites. */
const BELOW = 256;
/** `int3`: what the kernel fills the rest of its code pages with (jit_fill_hole()). */
const HOLE = 0xcc;
/** Nothing of a helper's code is executed. */
const HELPER_CODE = Uint8Array.of(HOLE);

interface Mapped {
  readonly address: bigint;
  readonly memory: Uint8Array;
}

/** A computer with kernel stacks, per-CPU areas, helpers and the programs of a scenario. */
export class Machine {
  readonly emu: Emu;
  readonly regs: BigUint64Array;
  private readonly regions: Mapped[] = [];

  constructor(readonly setup: MachineSetup) {
    this.emu = Emu.open({ eventCapacity: EVENT_CAPACITY, blockBudget: BLOCK_BUDGET });
    this.regs = this.emu.regs;
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
    mendExchanges(emu, setup.exchanges ?? []);
    for (const { lo, hi } of setup.watched) emu.onCode(lo, hi, (at) => setup.onInstruction(at));
    emu.watchMemory(0n, 0xffffffffffffffffn);
  }

  private map(address: bigint, bytes: number, prot: number): Uint8Array {
    const base = pageDown(address);
    const memory = this.emu.map(base, pages(Number(address - base) + bytes), prot);
    if (prot === Prot.RX) memory.fill(HOLE);
    this.regions.push({ address: base, memory });
    return memory;
  }

  private junkFilled(address: bigint, bytes: number, label: string): void {
    fillJunk(this.map(address, bytes, Prot.RW), this.setup.seed, label);
  }

  /** Maps the pages that segments touch, neighbours together, and fills in the bytes. */
  private mapSegments(segments: readonly Segment[], prot: number): void {
    const sorted = [...segments].sort((a, b) => (a.address < b.address ? -1 : 1));
    for (let i = 0; i < sorted.length; ) {
      const lo = pageDown(sorted[i]!.address);
      let hi = lo;
      for (; i < sorted.length && sorted[i]!.address <= hi + BigInt(PAGE); i++) {
        const end = sorted[i]!.address + BigInt(Math.max(1, sorted[i]!.bytes.length));
        if (end > hi) hi = end;
      }
      this.map(lo, Number(hi - lo), prot);
    }
    for (const { address, bytes } of segments) this.memory(address, bytes.length).set(bytes);
  }

  /** The mapping that holds a piece of memory. */
  private mapped(address: bigint, bytes: number): Mapped | undefined {
    return this.regions.find(
      (each) => address >= each.address && address + BigInt(bytes) <= each.address + BigInt(each.memory.length),
    );
  }

  /** Guest memory, shared. @throws RangeError where nothing is mapped */
  memory(address: bigint, bytes: number): Uint8Array {
    const region = this.mapped(address, bytes);
    if (!region) throw new RangeError(`nothing is mapped at 0x${address.toString(16)}`);
    const start = Number(address - region.address);
    return region.memory.subarray(start, start + bytes);
  }

  /** A copy of guest memory; null where some of it is not mapped. */
  read(address: bigint, bytes: number): Uint8Array | null {
    return this.emu.readBytes(address, bytes);
  }

  /** False, and nothing written, where some of it is not mapped. */
  write(address: bigint, bytes: Uint8Array): boolean {
    return this.emu.writeBytes(address, bytes);
  }

  read64(address: bigint): bigint {
    const bytes = this.memory(address, 8);
    return new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true);
  }

  write64(address: bigint, value: bigint): void {
    const bytes = this.memory(address, 8);
    new DataView(bytes.buffer, bytes.byteOffset, 8).setBigUint64(0, value, true);
  }

  /** False, and nothing written, where it is not mapped. */
  write64IfMapped(address: bigint, value: bigint): boolean {
    if (!this.mapped(address, 8)) return false;
    this.write64(address, value);
    return true;
  }

  /** Rewrites code, also while it runs, but not the block that is being executed. */
  patch(address: bigint, bytes: Uint8Array): void {
    this.memory(address, bytes.length).set(bytes);
    this.emu.invalidate({ addr: address, size: bytes.length });
  }

  /**
   * Runs from `entry` on a CPU, as if called from above its stack pointer. Registers are those of `regs`, but for rsp and
   * gsBase.
   */
  run(entry: bigint, cpu: number): { readonly status: RunStatus; readonly trace: Trace } {
    this.regs[REG.rsp] = entryRsp(cpu);
    this.regs[REG.gsBase] = u64(percpuOffset(cpu));
    this.regs[REG.rflags] = INTERRUPTS_ON;
    this.write64(entryRsp(cpu), STOP);
    const status = this.emu.run(entry);
    return { status, trace: new Trace(this.emu) };
  }

  /** Overwrites what lies below the caller's stack pointer: the ABI of the kernel knows no red zone. */
  destroyBelow(rsp: bigint, label: string): void {
    const top = rsp & ~7n;
    const stack = this.mapped(top - 8n, 8);
    if (!stack) return;
    const bytes = Math.min(BELOW, Number(top - stack.address));
    this.junkAgain(top - BigInt(bytes), bytes, label);
  }

  /** Fills memory with junk that depends on the label. */
  junkAgain(address: bigint, bytes: number, label: string): void {
    if (bytes > 0) fillJunk(this.memory(address, bytes), this.setup.seed, label);
  }

  /** Returns from a helper: pops the return address and leaves junk where it was, and below. */
  returnFromHelper(label: string): HelperAction {
    const rsp = this.regs[REG.rsp]!;
    if (!this.mapped(rsp, 8)) return Action.STOP;
    this.regs[REG.rip] = this.read64(rsp);
    this.regs[REG.rsp] = rsp + 8n;
    this.destroyBelow(rsp + 8n, label);
    return Action.RESUME;
  }

  close(): void {
    this.emu.close();
  }
}
