import { bpf, HELPERS } from '../bpf';
import type { KernelConfig } from '../kernel-config';
import type { Patch } from './patch';

/** Helpers that become a few instructions, by name. */
export const INLINED: Readonly<Record<string, (config: KernelConfig) => Patch>> = {
  /** A load of this CPU's `cpu_number`. */
  bpf_get_smp_processor_id: ({ symbols, smp }) => {
    if (!smp) return [bpf.mov64('r0', 0)];
    const address = Number(BigInt.asIntN(32, symbols.cpuNumber));
    return [bpf.mov64('r0', address), { ...bpf.mov64('r0', 'r0'), off: -1 }, bpf.ldx32('r0', 'r0', 0)];
  },
  bpf_jiffies64: ({ symbols }) => [bpf.ldImm64('r0', symbols.jiffies), bpf.ldx64('r0', 'r0', 0)],
};

export const helperName = (id: number): string => HELPERS.name(id) ?? `func#${id}`;
