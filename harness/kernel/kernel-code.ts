import type { HelperCall } from './helper-call';

/** A call of BPF code by C code: where, and BPF r1, r2, ... */
export interface BpfCall {
  readonly address: bigint;
  readonly arguments: readonly bigint[];
}

/** A function of the kernel that calls BPF code on its way: it yields each call, gets r0 back, and returns its own result. */
export type KernelCode = Generator<BpfCall, bigint, bigint>;

/** A helper that calls back into the program. What C leaves in registers meanwhile is not its model's concern. */
export type CallbackModel = (call: HelperCall) => KernelCode;
