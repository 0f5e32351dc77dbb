import type { ProgramType } from '../../jit';
import { type GuardScope, guardScope } from './recursion';

/** What the kernel around programs decides, function by function: a run can have it decide otherwise. */
export interface KernelModel {
  /** Whether an exception goes no further than a frame of this function (bpf_stack_walker()). */
  isBoundary(of: { readonly subprog: number; readonly type: ProgramType }): boolean;
  /** Whom a running program of this type keeps from running on its CPU. */
  guardScope(type: ProgramType): GuardScope;
  /** Whether the trampoline of a subprog hands on the pointer to the tail-call counter (BPF_TRAMP_F_TAIL_CALL_CTX). */
  keepsTailCallPointer(tailCallReachable: boolean): boolean;
  /** Bytes that the allocator of per-CPU memory sets aside for so many. */
  percpuBytes(bytes: number): number;
}

/** Linux 6.18. */
export const LINUX_KERNEL: KernelModel = {
  isBoundary: ({ subprog }) => subprog === 0,
  guardScope,
  keepsTailCallPointer: (tailCallReachable) => tailCallReachable,
  percpuBytes: (bytes) => Math.ceil(bytes / 8) * 8,
};
