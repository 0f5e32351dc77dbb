import { describe, expect, test } from '@jest/globals';
import { sectionKind, suggestSection } from './section-names';

describe('what the name of a section says', () => {
  test.each([
    ['kprobe', 'kprobe', undefined],
    ['kprobe/do_nanosleep', 'kprobe', undefined],
    ['uprobe.s//bin/sh:main', 'kprobe', undefined],
    ['kprobe.multi/tcp_*', 'kprobe', 'kprobe_multi'],
    ['tp/sched/sched_switch', 'tracepoint', undefined],
    ['raw_tp.w/x', 'raw_tracepoint_writable', undefined],
    ['tp_btf/sys_enter', 'tracing', 'raw_tp'],
    ['fentry.s/f', 'tracing', 'fentry'],
    ['fmod_ret/f', 'tracing', 'modify_return'],
    ['iter/task', 'tracing', 'iter'],
    ['freplace/f', 'ext', undefined],
    ['lsm.s/file_open', 'lsm', 'lsm_mac'],
    ['struct_ops.s/init', 'struct_ops', undefined],
    ['?tc', 'sched_cls', undefined],
    ['tcx/egress', 'sched_cls', 'tcx_egress'],
    ['xdp.frags/cpumap', 'xdp', 'xdp_cpumap'],
    ['cgroup/bind4', 'cgroup_sock_addr', 'cgroup_inet4_bind'],
    ['perf_event', 'perf_event', undefined],
    ['syscall', 'syscall', undefined],
  ])('%s', (name, type, attachType) => {
    expect(sectionKind(name)).toMatchObject({ type, ...(attachType !== undefined && { attachType }) });
    expect(sectionKind(name)?.attachType).toBe(attachType);
  });

  test.each(['kprobes/x', 'xdp/other', 'perf_event/x', 'tp.s/x', '.data', ''])('%s says nothing', (name) => {
    expect(sectionKind(name)).toBeUndefined();
  });

  test('what was probably meant', () => {
    expect(suggestSection('kprob/x')).toBe('kprobe');
  });
});
