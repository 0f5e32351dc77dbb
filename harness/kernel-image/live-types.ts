import type { ProgramType } from '../../jit';
import { kernelTypeIds, TypeKind } from './vmlinux';

/** How a type of programs is loaded, and how a test run hands over its input. */
export interface LiveType {
  /** BPF_PROG_TYPE_*. */
  readonly number: number;
  readonly flags?: number;
  /** What a test run takes: a packet, or what r1 points to; none where the kernel runs no such program. */
  readonly input?: 'packet' | 'context';
  /** Whether a test run hands back the context. */
  readonly writesContext?: boolean;
}

const BPF_F_SLEEPABLE = 1 << 4;

/** Types that can be loaded with nothing to attach to. */
export const LIVE_TYPES: Readonly<Partial<Record<ProgramType, LiveType>>> = {
  socket_filter: { number: 1, input: 'packet' },
  kprobe: { number: 2 },
  sched_cls: { number: 3, input: 'packet' },
  tracepoint: { number: 5 },
  xdp: { number: 6, input: 'packet' },
  perf_event: { number: 7 },
  cgroup_skb: { number: 8 },
  raw_tracepoint: { number: 17, input: 'context' },
  raw_tracepoint_writable: { number: 24 },
  tracing: { number: 26 },
  syscall: { number: 31, flags: BPF_F_SLEEPABLE, input: 'context', writesContext: true },
};

/** Names of all types by number, for programs that are loaded already. */
export const typeName = (number: number): ProgramType | null => {
  const found = Object.entries(LIVE_TYPES).find(([, each]) => each.number === number);
  return (found?.[0] as ProgramType | undefined) ?? OTHERS[number] ?? null;
};

const OTHERS: Readonly<Record<number, ProgramType>> = { 27: 'struct_ops', 28: 'ext', 29: 'lsm' };

/** What tracing programs are loaded for: any function or type of the right kind will do, they are attached to none. */
const TRACED: Readonly<Record<string, { readonly attach: number; readonly kind: number; readonly name: string }>> = {
  raw_tp: { attach: 23, kind: TypeKind.TYPEDEF, name: 'btf_trace_task_newtask' },
  iter: { attach: 28, kind: TypeKind.FUNC, name: 'bpf_iter_task' },
};

/** The attach type and its target; null where there is none to be had. */
export function attachmentOf(type: ProgramType, attachType: string | undefined) {
  if (type !== 'tracing') return { attachType: 0, attachBtfId: 0 };
  const traced = TRACED[attachType ?? 'raw_tp'];
  const id = traced && kernelTypeIds(traced.kind, [traced.name]).get(traced.name);
  return id === undefined ? null : { attachType: traced!.attach, attachBtfId: id };
}
