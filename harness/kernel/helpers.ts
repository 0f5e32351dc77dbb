import { junk } from '../machine/junk';
import { CPUS } from '../machine/layout';
import { setCallback } from './callbacks';
import type { HelperCall } from './helper-call';
import { mapModel } from './map-models';

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
  bpf_timer_init: () => 0n,
  bpf_timer_set_callback: setCallback,
  bpf_timer_start: () => 0n,
  bpf_timer_cancel: () => 0n,
  bpf_wq_init: () => 0n,
  bpf_wq_set_callback_impl: setCallback,
  bpf_wq_start: () => 0n,
};

export function helperResult(call: HelperCall): bigint {
  const known = Object.hasOwn(HELPER_MODELS, call.name) ? HELPER_MODELS[call.name] : undefined;
  const model = known ?? mapModel(call);
  return model ? model(call) : junk(call.seed, `${call.name} ${call.nth} returns`);
}
