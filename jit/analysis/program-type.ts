import type { BlockLayout } from './facts';

/** Program types, in lower case (BPF_PROG_TYPE_*). */
export const PROGRAM_TYPES = [
  'kprobe',
  'tracepoint',
  'perf_event',
  'raw_tracepoint',
  'raw_tracepoint_writable',
  'tracing',
  'lsm',
  'struct_ops',
  'ext',
  'socket_filter',
  'sched_cls',
  'xdp',
  'syscall',
  'cgroup_skb',
  'sched_act',
  'cgroup_sock',
  'cgroup_sock_addr',
  'cgroup_device',
  'cgroup_sysctl',
  'cgroup_sockopt',
  'sock_ops',
  'sk_skb',
  'sk_msg',
  'sk_reuseport',
  'sk_lookup',
  'flow_dissector',
  'netfilter',
  'lwt_in',
  'lwt_out',
  'lwt_xmit',
  'lwt_seg6local',
  'lirc_mode2',
] as const;
export type ProgramType = (typeof PROGRAM_TYPES)[number];

export const isProgramType = (name: string): name is ProgramType => (PROGRAM_TYPES as readonly string[]).includes(name);

/** What of a program's type and attachment decides whether it may have private frames. */
export interface Attachment {
  readonly type: ProgramType;
  /** Of a tracing program: `fentry`, `fexit`, `modify_return`, `raw_tp`, `iter`. */
  readonly attachType?: string | undefined;
  /** Of a struct_ops program: its member asked for private stacks. */
  readonly privStackRequested?: boolean | undefined;
}

type Rule = (attachment: Attachment) => boolean;

const always: Rule = () => true;
/** Where the trampoline keeps a program from running twice on one CPU; an iterator may. */
const unlessIterator: Rule = ({ attachType }) => attachType !== 'iter';

const FUNCTION_RULES: Partial<Record<ProgramType, Rule>> = {
  kprobe: always,
  tracepoint: always,
  perf_event: always,
  raw_tracepoint: always,
  tracing: unlessIterator,
  struct_ops: ({ privStackRequested }) => privStackRequested ?? false,
};

/** As under review (v3): no struct_ops yet. */
const SUBTREE_RULES: Partial<Record<ProgramType, Rule>> = {
  kprobe: always,
  tracepoint: always,
  perf_event: always,
  raw_tracepoint: always,
  tracing: unlessIterator,
};

const RULES: Readonly<Record<BlockLayout, Partial<Record<ProgramType, Rule>>>> = {
  none: {},
  function: FUNCTION_RULES,
  subtree: SUBTREE_RULES,
};

/**
 * Whether a program may have private frames as far as its own type and attachment are concerned (bpf_enable_priv_stack(),
 * bpf_prog_check_recur()). An extension program never may, whatever it replaces.
 */
export const mayHavePrivateStack = (layout: BlockLayout, attachment: Attachment): boolean =>
  RULES[layout][attachment.type]?.(attachment) ?? false;
