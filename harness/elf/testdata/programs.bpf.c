/* What an object may say of its programs besides their instructions. */
#include "bpf.h"

struct {
	__uint(type, 3); /* BPF_MAP_TYPE_PROG_ARRAY */
	__uint(max_entries, 2);
	__uint(key_size, 4);
	__uint(value_size, 4);
} jumps SEC(".maps");

struct {
	__uint(type, 1); /* BPF_MAP_TYPE_HASH */
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, struct { __u32 a; __u64 b[3]; });
} table SEC(".maps");

extern void bpf_throw(__u64 cookie) __attribute__((section(".ksyms"))) __attribute__((weak));
extern int LINUX_KERNEL_VERSION __attribute__((section(".kconfig")));
extern _Bool CONFIG_NO_SUCH_THING __attribute__((section(".kconfig"))) __attribute__((weak));

static long (*bpf_tail_call)(void *ctx, void *map, __u32 index) = (void *)12;

int results[3] = { 1, 2, 3 };

static NOINLINE long each(__u32 index, void *context)
{
	results[index & 1] += index;
	return 0;
}

__attribute__((noinline)) int caught(__u64 cookie)
{
	return cookie + 1;
}

SEC("fentry/do_nanosleep")
int loops(void *ctx)
{
	bpf_loop(4, each, 0, 0);
	return results[1] + (LINUX_KERNEL_VERSION >= 0x60000) + CONFIG_NO_SUCH_THING;
}

SEC("tc")
__attribute__((btf_decl_tag("exception_callback:caught")))
int throws(void *ctx)
{
	if (!bpf_throw)
		return 0;
	bpf_throw(41);
	return 1;
}

SEC("?xdp")
int jumps_on(void *ctx)
{
	bpf_tail_call(ctx, &jumps, 1);
	return 2;
}

SEC("raw_tp/sys_enter")
int looks_up(void *ctx)
{
	__u64 key = 7;
	__u32 *value = bpf_map_lookup_elem(&table, &key);

	return value ? *value : 5;
}

SEC("tc")
int second(void *ctx)
{
	return 3;
}

char LICENSE[] SEC("license") = "GPL";
