import { type ProgramType, suggest } from '../../jit';

/** What the name of a section says about the program in it. */
export interface SectionKind {
  readonly type: ProgramType;
  /** As BPF_* in lower case; of tracing programs without `trace_`. */
  readonly attachType?: string;
}

/**
 * A row: the name, which with `+` may go on behind a slash, the program type, the attach type. With `.s` behind its first
 * word, where the row says so, the program may sleep.
 */
type Row = readonly [name: string, type: ProgramType, attachType?: string | undefined, sleepable?: 'sleepable'];

/** The names that libbpf knows (Documentation/bpf/libbpf/program_types.rst), those of private stacks first. */
const ROWS: readonly Row[] = [
  ['kprobe+', 'kprobe'],
  ['kretprobe+', 'kprobe'],
  ['uprobe+', 'kprobe', undefined, 'sleepable'],
  ['uretprobe+', 'kprobe', undefined, 'sleepable'],
  ['kprobe.multi+', 'kprobe', 'kprobe_multi'],
  ['kretprobe.multi+', 'kprobe', 'kprobe_multi'],
  ['kprobe.session+', 'kprobe', 'kprobe_session'],
  ['uprobe.multi+', 'kprobe', 'uprobe_multi', 'sleepable'],
  ['uretprobe.multi+', 'kprobe', 'uprobe_multi', 'sleepable'],
  ['uprobe.session+', 'kprobe', 'uprobe_session', 'sleepable'],
  ['ksyscall+', 'kprobe'],
  ['kretsyscall+', 'kprobe'],
  ['usdt+', 'kprobe', undefined, 'sleepable'],
  ['tracepoint+', 'tracepoint'],
  ['tp+', 'tracepoint'],
  ['raw_tracepoint+', 'raw_tracepoint'],
  ['raw_tp+', 'raw_tracepoint'],
  ['raw_tracepoint.w+', 'raw_tracepoint_writable'],
  ['raw_tp.w+', 'raw_tracepoint_writable'],
  ['perf_event', 'perf_event'],
  ['tp_btf+', 'tracing', 'raw_tp'],
  ['fentry+', 'tracing', 'fentry', 'sleepable'],
  ['fexit+', 'tracing', 'fexit', 'sleepable'],
  ['fmod_ret+', 'tracing', 'modify_return', 'sleepable'],
  ['iter+', 'tracing', 'iter', 'sleepable'],
  ['freplace+', 'ext'],
  ['lsm+', 'lsm', 'lsm_mac', 'sleepable'],
  ['lsm_cgroup+', 'lsm', 'lsm_cgroup'],
  ['struct_ops+', 'struct_ops', undefined, 'sleepable'],
  ['syscall', 'syscall'],
  ['socket', 'socket_filter'],
  ['tc', 'sched_cls'],
  ['classifier', 'sched_cls'],
  ['tc/ingress', 'sched_cls', 'tcx_ingress'],
  ['tc/egress', 'sched_cls', 'tcx_egress'],
  ['tcx/ingress', 'sched_cls', 'tcx_ingress'],
  ['tcx/egress', 'sched_cls', 'tcx_egress'],
  ['netkit/primary', 'sched_cls', 'netkit_primary'],
  ['netkit/peer', 'sched_cls', 'netkit_peer'],
  ['action', 'sched_act'],
  ['xdp', 'xdp', 'xdp'],
  ['xdp.frags', 'xdp', 'xdp'],
  ['xdp/devmap', 'xdp', 'xdp_devmap'],
  ['xdp.frags/devmap', 'xdp', 'xdp_devmap'],
  ['xdp/cpumap', 'xdp', 'xdp_cpumap'],
  ['xdp.frags/cpumap', 'xdp', 'xdp_cpumap'],
  ['cgroup/skb', 'cgroup_skb'],
  ['cgroup_skb/ingress', 'cgroup_skb', 'cgroup_inet_ingress'],
  ['cgroup_skb/egress', 'cgroup_skb', 'cgroup_inet_egress'],
  ['cgroup/sock', 'cgroup_sock', 'cgroup_inet_sock_create'],
  ['cgroup/sock_create', 'cgroup_sock', 'cgroup_inet_sock_create'],
  ['cgroup/sock_release', 'cgroup_sock', 'cgroup_inet_sock_release'],
  ['cgroup/post_bind4', 'cgroup_sock', 'cgroup_inet4_post_bind'],
  ['cgroup/post_bind6', 'cgroup_sock', 'cgroup_inet6_post_bind'],
  ['cgroup/bind4', 'cgroup_sock_addr', 'cgroup_inet4_bind'],
  ['cgroup/bind6', 'cgroup_sock_addr', 'cgroup_inet6_bind'],
  ['cgroup/connect4', 'cgroup_sock_addr', 'cgroup_inet4_connect'],
  ['cgroup/connect6', 'cgroup_sock_addr', 'cgroup_inet6_connect'],
  ['cgroup/connect_unix', 'cgroup_sock_addr', 'cgroup_unix_connect'],
  ['cgroup/sendmsg4', 'cgroup_sock_addr', 'cgroup_udp4_sendmsg'],
  ['cgroup/sendmsg6', 'cgroup_sock_addr', 'cgroup_udp6_sendmsg'],
  ['cgroup/sendmsg_unix', 'cgroup_sock_addr', 'cgroup_unix_sendmsg'],
  ['cgroup/recvmsg4', 'cgroup_sock_addr', 'cgroup_udp4_recvmsg'],
  ['cgroup/recvmsg6', 'cgroup_sock_addr', 'cgroup_udp6_recvmsg'],
  ['cgroup/recvmsg_unix', 'cgroup_sock_addr', 'cgroup_unix_recvmsg'],
  ['cgroup/getpeername4', 'cgroup_sock_addr', 'cgroup_inet4_getpeername'],
  ['cgroup/getpeername6', 'cgroup_sock_addr', 'cgroup_inet6_getpeername'],
  ['cgroup/getpeername_unix', 'cgroup_sock_addr', 'cgroup_unix_getpeername'],
  ['cgroup/getsockname4', 'cgroup_sock_addr', 'cgroup_inet4_getsockname'],
  ['cgroup/getsockname6', 'cgroup_sock_addr', 'cgroup_inet6_getsockname'],
  ['cgroup/getsockname_unix', 'cgroup_sock_addr', 'cgroup_unix_getsockname'],
  ['cgroup/dev', 'cgroup_device', 'cgroup_device'],
  ['cgroup/sysctl', 'cgroup_sysctl', 'cgroup_sysctl'],
  ['cgroup/getsockopt', 'cgroup_sockopt', 'cgroup_getsockopt'],
  ['cgroup/setsockopt', 'cgroup_sockopt', 'cgroup_setsockopt'],
  ['sockops', 'sock_ops', 'cgroup_sock_ops'],
  ['sk_skb', 'sk_skb'],
  ['sk_skb/stream_parser', 'sk_skb', 'sk_skb_stream_parser'],
  ['sk_skb/stream_verdict', 'sk_skb', 'sk_skb_stream_verdict'],
  ['sk_skb/verdict', 'sk_skb', 'sk_skb_verdict'],
  ['sk_msg', 'sk_msg', 'sk_msg_verdict'],
  ['sk_reuseport', 'sk_reuseport', 'sk_reuseport_select'],
  ['sk_reuseport/migrate', 'sk_reuseport', 'sk_reuseport_select_or_migrate'],
  ['sk_lookup', 'sk_lookup', 'sk_lookup'],
  ['flow_dissector', 'flow_dissector', 'flow_dissector'],
  ['netfilter', 'netfilter', 'netfilter'],
  ['lwt_in', 'lwt_in'],
  ['lwt_out', 'lwt_out'],
  ['lwt_xmit', 'lwt_xmit'],
  ['lwt_seg6local', 'lwt_seg6local'],
  ['lirc_mode2', 'lirc_mode2', 'lirc_mode2'],
];

/** Each row by its name, and by the one of programs that may sleep. */
const BY_NAME = new Map(
  ROWS.flatMap(([written, type, attachType, sleepable]) => {
    const name = written.replace('+', '');
    const kind = { type, ...(attachType !== undefined && { attachType }), open: written.endsWith('+') };
    return [name, ...(sleepable ? [`${name}.s`] : [])].map((each) => [each, kind] as const);
  }),
);

/** What the programs of a section are; undefined where the name means nothing. A leading `?` only says that libbpf waits. */
export function sectionKind(name: string): SectionKind | undefined {
  const bare = name.replace(/^\?/, '');
  const found = BY_NAME.get(bare);
  if (found) return found;
  const prefix = BY_NAME.get(bare.split('/', 1)[0]!);
  return prefix?.open ? prefix : undefined;
}

/** The name that was probably meant. */
export const suggestSection = (name: string): string | undefined =>
  suggest(name.split('/', 1)[0]!, [...BY_NAME.keys()]);
