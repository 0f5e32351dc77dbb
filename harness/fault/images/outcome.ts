import { GPR_NAMES, Gpr, X86_64 } from '../../../jit';
import type { Outcome, SeenCall } from '../../run/rerun';
import type { World } from '../../run/run';

/**
 * How many arguments the helpers of the captures take (include/uapi/linux/bpf.h): what the other registers hold at the
 * call is nobody's business. Of any other function all five count.
 */
const ARGUMENTS: Readonly<Record<string, number>> = {
  bpf_get_current_pid_tgid: 0,
  bpf_get_current_uid_gid: 0,
  bpf_get_numa_node_id: 0,
  bpf_get_prandom_u32: 0,
  bpf_get_smp_processor_id: 0,
  bpf_jiffies64: 0,
  bpf_ktime_get_ns: 0,
  bpf_probe_read_kernel: 3,
  bpf_throw: 1,
};

/** r0, and what the ABI says a caller gets back: the registers that a caller can look at. */
const KEPT: readonly number[] = [X86_64.returnValue, Gpr.rsp, ...X86_64.calleeSaved];

const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

/** Calls of the kernel's functions; stubs are where callbacks return to. */
const callsOf = ({ helpers }: World, { calls }: Outcome): SeenCall[] =>
  calls.filter(({ helper }) => helpers[helper]!.stub === undefined);

function callDifference(world: World, wanted: readonly SeenCall[], got: readonly SeenCall[]): string | null {
  for (let i = 0; i < Math.max(wanted.length, got.length); i++) {
    const [want, seen] = [wanted[i], got[i]];
    if (want?.helper !== seen?.helper) return `call ${i + 1} is another`;
    const { name } = world.helpers[want!.helper]!;
    const count = Object.hasOwn(ARGUMENTS, name) ? ARGUMENTS[name]! : want!.args.length;
    const at = want!.args.findIndex((value, k) => k < count && value !== seen!.args[k]);
    if (at >= 0) return `argument ${at + 1} of ${name}`;
    if (!same(want!.data, seen!.data)) return `memory at a call of ${name}`;
  }
  return null;
}

/**
 * What of one run differs from another for those who can look: callers, callees, and whoever reads memory afterwards.
 * Null when nothing does. These count: how a run ends; r0, rsp and the callee-saved registers; the calls of helpers, their
 * arguments, and context and maps at that moment; and at the end all memory that can be written to, but for the stack below
 * the caller's and private frames, which are dead: guards, other CPUs' memory and the caller's stack count.
 */
export function difference(world: World, want: Outcome, got: Outcome): string | null {
  if (want.status.kind !== got.status.kind) return `the run ends as ${got.status.kind}`;
  const called = callDifference(world, callsOf(world, want), callsOf(world, got));
  if (called !== null) return called;
  const register = KEPT.find((each) => want.after[each] !== got.after[each]);
  if (register !== undefined) return `${GPR_NAMES[register]} at the end`;
  return want.memory.every((piece, i) => same(piece, got.memory[i]!)) ? null : 'memory at the end';
}
