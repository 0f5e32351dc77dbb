/** Types of maps, in lower case, by number (BPF_MAP_TYPE_*, include/uapi/linux/bpf.h). */
const MAP_KINDS = [
  'unspec',
  'hash',
  'array',
  'prog_array',
  'perf_event_array',
  'percpu_hash',
  'percpu_array',
  'stack_trace',
  'cgroup_array',
  'lru_hash',
  'lru_percpu_hash',
  'lpm_trie',
  'array_of_maps',
  'hash_of_maps',
  'devmap',
  'sockmap',
  'cpumap',
  'xskmap',
  'sockhash',
  'cgroup_storage',
  'reuseport_sockarray',
  'percpu_cgroup_storage',
  'queue',
  'stack',
  'sk_storage',
  'devmap_hash',
  'struct_ops',
  'ringbuf',
  'inode_storage',
  'task_storage',
  'bloom_filter',
  'user_ringbuf',
  'cgrp_storage',
  'arena',
] as const;
export type MapKind = (typeof MAP_KINDS)[number];

/** BPF_MAP_TYPE_*. */
export const mapNumber = (kind: MapKind): number => MAP_KINDS.indexOf(kind);

export const mapKind = (number: number): MapKind | undefined => (number === 0 ? undefined : MAP_KINDS[number]);
