import type { PrivateBlock } from '../../jit';
import { PERCPU_POINTER_BASE, percpuOffset, u64 } from '../machine/layout';
import { type KernelModel, LINUX_KERNEL } from './model';

/** The word at both ends of a private block (PRIV_STACK_GUARD_VAL). */
export const GUARD = 0xeb9f12345678eb9fn;

/** Hands out per-CPU memory as alloc_percpu() does: blocks abut, each at a multiple of 8. */
export class PercpuAllocator {
  private next = 64;

  constructor(private readonly bytesOf: KernelModel['percpuBytes'] = LINUX_KERNEL.percpuBytes) {}

  /** @returns the per-CPU pointer */
  allocate(bytes: number): bigint {
    const pointer = PERCPU_POINTER_BASE + BigInt(this.next);
    this.next += this.bytesOf(bytes);
    return pointer;
  }

  /** Bytes of the area; some stay free at the end. */
  get size(): number {
    return this.next + 64;
  }
}

/** A CPU's copy of what a per-CPU pointer points to. */
export const onCpu = (pointer: bigint, cpu: number): bigint => u64(pointer + percpuOffset(cpu));

/** Where in a block its guard words are, in bytes. */
export const guardOffsets = ({ guard, size }: PrivateBlock): readonly number[] => (guard === 0 ? [] : [0, size - 8]);

/** Addresses of a block's guard words on a CPU. */
export const guardAddresses = (block: PrivateBlock, pointer: bigint, cpu: number): bigint[] =>
  guardOffsets(block).map((offset) => onCpu(pointer + BigInt(offset), cpu));
