import { junk } from '../machine/junk';
import { CPUS } from '../machine/layout';

/** A call of a helper or kfunc, as a model sees it. */
export interface HelperCall {
  readonly name: string;
  /** Which call of this function in the run, counted from 1. */
  readonly nth: number;
  readonly cpu: number;
  readonly seed: number;
  /** BPF r1..r5. */
  readonly arguments: readonly bigint[];
}

/** What a helper returns (BPF r0). What it destroys is not its model's concern. */
export type HelperModel = (call: HelperCall) => bigint;

/** Helpers whose result means something. Any other returns junk, unless a spec says what. */
export const HELPER_MODELS: Readonly<Record<string, HelperModel>> = {
  /** Nanoseconds that only grow. */
  bpf_ktime_get_ns: ({ nth, seed }) => (junk(seed, 'ktime') & 0xffffffffn) + BigInt(nth) * 1_000n,
  /** 32 bits, zero-extended. */
  bpf_get_prandom_u32: ({ nth, seed }) => junk(seed, `prandom ${nth}`) & 0xffffffffn,
  bpf_get_smp_processor_id: ({ cpu }) => BigInt(cpu % CPUS),
};

export function helperResult(call: HelperCall): bigint {
  const model = HELPER_MODELS[call.name];
  return model ? model(call) : junk(call.seed, `${call.name} ${call.nth} returns`);
}
