import { junk } from '../machine/junk';
import { CPUS } from '../machine/layout';

/** Guest memory, whatever its protection. */
export interface GuestMemory {
  /** Null where some of it is not mapped. */
  read(address: bigint, bytes: number): Uint8Array | null;
  /** False, and nothing written, where some of it is not mapped. */
  write(address: bigint, bytes: Uint8Array): boolean;
}

/** A call of a helper or kfunc, as a model sees it. */
export interface HelperCall {
  readonly name: string;
  /** Which call of this function in the run, counted from 1. */
  readonly nth: number;
  readonly cpu: number;
  readonly seed: number;
  /** BPF r1..r5. */
  readonly arguments: readonly bigint[];
  readonly memory: GuestMemory;
}

/** What a helper returns (BPF r0). What it destroys is not its model's concern. */
export type HelperModel = (call: HelperCall) => bigint;

const EFAULT = 14n;
/** Most that one call copies: sizes are the verifier's concern, a model must not run out of memory. */
const MOST_COPIED = 1 << 16;

/** Copies, or zeroes the destination where the source cannot be read (bpf_probe_read_kernel_common()). */
function probeRead({ arguments: [destination, size, source], memory }: HelperCall): bigint {
  const bytes = Math.min(Number(BigInt.asUintN(32, size!)), MOST_COPIED);
  const copied = memory.read(source!, bytes);
  memory.write(destination!, copied ?? new Uint8Array(bytes));
  return copied ? 0n : BigInt.asUintN(64, -EFAULT);
}

/** Helpers whose result means something. Any other returns junk, unless a spec says what. */
export const HELPER_MODELS: Readonly<Record<string, HelperModel>> = {
  /** Nanoseconds that only grow. */
  bpf_ktime_get_ns: ({ nth, seed }) => (junk(seed, 'ktime') & 0xffffffffn) + BigInt(nth) * 1_000n,
  /** 32 bits, zero-extended. */
  bpf_get_prandom_u32: ({ nth, seed }) => junk(seed, `prandom ${nth}`) & 0xffffffffn,
  bpf_probe_read: probeRead,
  bpf_probe_read_kernel: probeRead,
  bpf_get_smp_processor_id: ({ cpu }) => BigInt(cpu % CPUS),
};

export function helperResult(call: HelperCall): bigint {
  const model = Object.hasOwn(HELPER_MODELS, call.name) ? HELPER_MODELS[call.name] : undefined;
  return model ? model(call) : junk(call.seed, `${call.name} ${call.nth} returns`);
}
