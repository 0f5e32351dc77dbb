/**
 * The guest's address space. Everything stands where a Linux kernel would have it (Documentation/arch/x86/x86_64/mm.rst),
 * so that sign-extended displacements, 32-bit relative calls and per-CPU arithmetic are the kernel's own.
 */
export const PAGE = 0x1000;

export const CPUS = 2;

/** JITed programs: module space, in reach of the kernel's text. */
export const IMAGE_BASE = 0xffffffffc0020000n;
/** Helpers and kfuncs that are modelled: one address each, a page for 256 of them. */
export const HELPER_BASE = 0xffffffff81400000n;
export const HELPER_STRIDE = 16n;
/** Helpers whose body a spec gives in assembly. */
export const HELPER_BODY_BASE = 0xffffffff81800000n;
/** Where the outermost program returns to. Nothing is mapped there. */
export const STOP = 0xffffffff81000ff0n;

/** Bytes of a CPU's kernel stack (THREAD_SIZE); the pages around it are not mapped. */
export const STACK_BYTES = 0x4000;
export const stackBase = (cpu: number): bigint => 0xffffc90000100000n + BigInt(cpu) * 0x100000n;
/** Where the return address of the outermost program stands: some of the stack above is its callers'. */
export const entryRsp = (cpu: number): bigint => stackBase(cpu) + BigInt(STACK_BYTES - 0x208);

export const CONTEXT_BASE = 0xffff888104000000n;
export const MAP_BASE = 0xffff888105000000n;
/** The kernel's descriptions of programs (struct bpf_prog), in its vmalloc area. */
export const PROG_BASE = 0xffffc90000800000n;

/**
 * The arena of a scenario (kernel/bpf/arena.c): 4 GiB and guards in the space of vmalloc, of which only allocated pages
 * are mapped. The user has it elsewhere; the lower 32 bits of a user's address are the offset from the kernel's start.
 */
export const ARENA_START = 0xffffc9060954f000n;
export const ARENA_USER_START = 0x7f1240000000n;
/** The space of vmalloc, but for the stacks at its start and the per-CPU areas at its end: an arena may be anywhere in it. */
export const ARENA_SPACE = { lo: 0xffffc90001000000n, hi: 0xffffe80000000000n } as const;

/**
 * What is added to a per-CPU pointer to get a CPU's own copy; GS holds the same value. Never 0, and pointers need more
 * than 32 bits, as on a real kernel of 6.15 and later.
 */
export const percpuOffset = (cpu: number): bigint => 0xffff8881b8000000n + BigInt(cpu) * 0x200000n;
/** First per-CPU pointer of the dynamic area. */
export const PERCPU_POINTER_BASE = 0x607958a00000n;

export const pageDown = (address: bigint): bigint => address & ~BigInt(PAGE - 1);
export const pages = (bytes: number): number => Math.max(1, Math.ceil(bytes / PAGE)) * PAGE;
export const u64 = (value: bigint): bigint => BigInt.asUintN(64, value);
