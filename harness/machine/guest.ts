import { Action, Emu, type EmuOptions, type HelperAction, Prot, REG } from '../native';
import { fillJunk } from './junk';
import { PAGE, pageDown, pages } from './layout';

/** Bytes at an address. */
export interface Segment {
  readonly address: bigint;
  readonly bytes: Uint8Array;
}

/** Bytes below the stack pointer that a helper overwrites. */
export const BELOW = 256;
/** `int3`: what the kernel fills the rest of its code pages with (jit_fill_hole()). */
export const HOLE = 0xcc;

/** A piece of guest memory, shared. */
export interface Mapped {
  readonly address: bigint;
  readonly memory: Uint8Array;
  readonly prot: number;
}

/** A processor with memory, whatever is in it. */
export abstract class Guest {
  readonly emu: Emu;
  readonly regs: BigUint64Array;
  protected readonly regions: Mapped[] = [];

  /** @param seed of all junk */
  constructor(
    protected readonly seed: number,
    options: EmuOptions,
  ) {
    this.emu = Emu.open(options);
    this.regs = this.emu.regs;
  }

  protected map(address: bigint, bytes: number, prot: number): Uint8Array {
    const base = pageDown(address);
    const memory = this.emu.map(base, pages(Number(address - base) + bytes), prot);
    if (prot === Prot.RX) memory.fill(HOLE);
    this.regions.push({ address: base, memory, prot });
    return memory;
  }

  protected junkFilled(address: bigint, bytes: number, label: string): void {
    fillJunk(this.map(address, bytes, Prot.RW), this.seed, label);
  }

  /** Maps the pages that segments touch, neighbours together, and fills in the bytes. */
  protected mapSegments(segments: readonly Segment[], prot: number): void {
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

  /** All memory that code may write to, shared. */
  get writable(): readonly { readonly address: bigint; readonly memory: Uint8Array }[] {
    return this.regions.filter(({ prot }) => prot === Prot.RW);
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
    if (bytes > 0) fillJunk(this.memory(address, bytes), this.seed, label);
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
