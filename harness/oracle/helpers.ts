import type { Helper, HelperState } from './options';

type Model = (args: readonly bigint[], state: HelperState) => bigint;

const EFAULT = -14n;
const EINVAL = -22n;
const E2BIG = -7n;
/** BPF_MAX_LOOPS (include/linux/bpf.h). */
const MAX_LOOPS = 8n * 1024n * 1024n;

/** A clock that only grows: a microsecond a call. */
const clock: Model = (_, { nth }) => 1_000n * BigInt(nth);

/** 32 bits that differ from call to call. */
const random: Model = (_, { nth }) => BigInt(Math.imul(nth, 0x9e3779b1) >>> 0);

const constant =
  (value: bigint): Model =>
  () =>
    value;

/** `bpf_probe_read_*(dst, size, unsafe_ptr)`: what cannot be read becomes zeroes, and is an error. */
const probeRead: Model = ([to, size, from], { memory }) => {
  const bytes = Number(BigInt.asUintN(32, size!));
  if (!memory.read(to!, bytes)) return EFAULT;
  const found = memory.read(from!, bytes);
  memory.write(to!, found ?? new Uint8Array(bytes));
  return found ? 0n : EFAULT;
};

/**
 * `bpf_loop(rounds, callback, context, flags)`: the callback gets the round and the context, and stops the loop with 1.
 * @returns the rounds that were started
 */
const loop: Model = ([rounds, callback, context, flags], state) => {
  const subprog = state.subprogAt(callback!);
  const count = BigInt.asUintN(32, rounds!);
  if (flags !== 0n || subprog === undefined) return EINVAL;
  if (count > MAX_LOOPS) return E2BIG;
  for (let i = 0n; i < count; i++) if (state.call(subprog, [i, context!]) !== 0n) return i + 1n;
  return count;
};

/** What the kernel's functions do, as far as a program can rely on it. */
export const KERNEL_HELPERS: Readonly<Record<string, Model>> = {
  bpf_ktime_get_ns: clock,
  bpf_ktime_get_boot_ns: clock,
  bpf_ktime_get_coarse_ns: clock,
  bpf_ktime_get_tai_ns: clock,
  bpf_jiffies64: clock,
  bpf_get_prandom_u32: random,
  bpf_get_smp_processor_id: constant(0n),
  bpf_get_numa_node_id: constant(0n),
  bpf_get_current_pid_tgid: constant((1n << 32n) | 1n),
  bpf_get_current_uid_gid: constant(0n),
  bpf_probe_read: probeRead,
  bpf_probe_read_kernel: probeRead,
  bpf_probe_read_user: probeRead,
  bpf_loop: loop,
};

/** The default: {@link KERNEL_HELPERS}, and nothing else. */
export const kernelHelper: Helper = (name, args, state) =>
  Object.hasOwn(KERNEL_HELPERS, name) ? KERNEL_HELPERS[name]!(args, state) : undefined;
