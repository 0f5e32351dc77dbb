import type { KernelConfig } from '../../jit';
import { junk } from '../machine/junk';
import { percpuOffset, u64 } from '../machine/layout';

/** A variable of the kernel that inlined helpers read. */
export interface KernelVariable {
  readonly name: string;
  /** Of a per-CPU variable before the CPU's offset is added. */
  readonly address: bigint;
  /** Bytes. */
  readonly size: number;
  readonly percpu: boolean;
  /** What it holds on a CPU. */
  readonly value: (cpu: number) => bigint;
}

const offsetOf = (cpu: number): bigint => u64(percpuOffset(cpu));

/** What programs read of the kernel itself. */
export const kernelVariables = ({ symbols }: KernelConfig, seed: number): KernelVariable[] => [
  { name: 'this_cpu_off', address: symbols.thisCpuOff, size: 8, percpu: true, value: offsetOf },
  { name: 'cpu_number', address: symbols.cpuNumber, size: 4, percpu: true, value: BigInt },
  { name: 'jiffies', address: symbols.jiffies, size: 8, percpu: false, value: () => junk(seed, 'jiffies') },
];

/** The variable's bytes on a CPU, little-endian. */
export function variableBytes({ size, value }: KernelVariable, cpu: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, value(cpu), true);
  return new Uint8Array(view.buffer, 0, size);
}
