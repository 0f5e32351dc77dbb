/** BPF r1 to r5, and r6 to r9. */
export const CALLER_SAVED = [1, 2, 3, 4, 5];
export const CALLEE_SAVED = [6, 7, 8, 9];

/** Helpers without arguments, by id: bpf_ktime_get_ns, _get_prandom_u32, _get_smp_processor_id, _get_current_pid_tgid ... */
export const HELPERS = [5, 7, 8, 14, 42, 118, 125];
/** Kfuncs by index: the first one throws, the others are called one right after the other. None of them returns anything. */
export const KFUNCS = ['bpf_throw', 'bpf_rcu_read_lock', 'bpf_rcu_read_unlock'];

/** bpf_get_prandom_u32: of its result a verifier knows nothing. */
export const RANDOM_HELPER = 7;

/** Numbers at which an encoding changes, or a comparison. */
export const IMMEDIATES = [
  0, 1, 2, -1, -2, 7, 127, 128, -128, -129, 255, 256, 0x7fff, 0x7fffffff, -0x80000000, 0x12345678,
];

/** Sizes of access, with BPF_SIZE. */
export const SIZES = [
  { size: 8, mode: 0x18 },
  { size: 4, mode: 0x00 },
  { size: 2, mode: 0x08 },
  { size: 1, mode: 0x10 },
];
