/**
 * Everything outside the program that changes the bytes: CPU features, mitigations, structure offsets and addresses.
 * The JIT never asks its environment.
 */
export interface KernelConfig {
  readonly name: string;
  /** Per-CPU variables exist once for each CPU and are reached through GS. */
  readonly smp: boolean;
  readonly bmi2: boolean;
  /** Indirect jumps go through a thunk. */
  readonly retpoline: boolean;
  /** Returns are a jump to a thunk. */
  readonly returnThunk: boolean;
  /** `int3` after returns and indirect jumps. */
  readonly sls: boolean;
  /** `endbr64` at the entry and at the tail-call landing. */
  readonly ibt: boolean;
  readonly tailCallLimit: number;
  readonly offsets: {
    /** struct bpf_array: map.max_entries and ptrs; struct bpf_prog: bpf_func. */
    readonly mapMaxEntries: number;
    readonly arrayPtrs: number;
    readonly progFunc: number;
  };
  /** Addresses of kernel symbols. */
  readonly symbols: {
    /** Helper and kfunc calls are relative to it. */
    readonly bpfCallBase: bigint;
    readonly returnThunk: bigint;
    readonly indirectThunkRcx: bigint;
    readonly timedMayGoto: bigint;
    readonly bpfThrow: bigint;
    /** Per-CPU variables: addresses before this CPU's offset is added. */
    readonly thisCpuOff: bigint;
    readonly cpuNumber: bigint;
    readonly jiffies: bigint;
  };
  /** VSYSCALL_ADDR, and TASK_SIZE_MAX + PAGE_SIZE: the user addresses that a probing load must not touch. */
  readonly vsyscall: bigint;
  readonly userLimit: bigint;
}

/** The kernel of the captures (testdata/kernel/machine.json). */
export const LINUX_6_18: KernelConfig = {
  name: 'linux-6.18.44 x86-64, BMI2, retpoline, return thunk, no IBT',
  smp: true,
  bmi2: true,
  retpoline: true,
  returnThunk: true,
  sls: false,
  ibt: false,
  tailCallLimit: 33,
  offsets: { mapMaxEntries: 0x4c, arrayPtrs: 0x138, progFunc: 0x48 },
  symbols: {
    bpfCallBase: 0xffffffff814dccd0n,
    returnThunk: 0xffffffff822701e0n,
    indirectThunkRcx: 0xffffffff8226f5e0n,
    timedMayGoto: 0xffffffff8135ac30n,
    bpfThrow: 0xffffffff81524e00n,
    thisCpuOff: 0xffffffff83b0c028n,
    cpuNumber: 0xffffffff83b0c034n,
    jiffies: 0xffffffff83009980n,
  },
  vsyscall: 0xffffffffff600000n,
  userLimit: 0x800000000000n,
};
