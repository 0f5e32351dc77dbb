/* Three subprograms, one of them a global function; a map, global data, helpers and a loop. */
#include "bpf.h"

struct {
	__uint(type, 2); /* BPF_MAP_TYPE_ARRAY */
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} counts SEC(".maps");

const volatile __u32 rounds = 3;
__u64 total = 40;
__u64 seen;

/* A frame of its own, large enough to be private. */
static NOINLINE __u64 fill(__u64 seed)
{
	volatile __u64 slots[12];

	for (int i = 0; i < 12; i++)
		slots[i] = seed + i;
	bpf_ktime_get_ns();
	return slots[seed & 7];
}

static NOINLINE __u64 count(__u32 key)
{
	volatile __u64 kept[8] = {};
	__u64 *value;

	kept[key & 7] = key;
	value = bpf_map_lookup_elem(&counts, &key);
	if (!value)
		return 0;
	*value += 1;
	return *value + kept[key & 7] + fill(key);
}

__attribute__((noinline)) __u64 sum(__u32 from)
{
	volatile __u64 all = 0;

	for (__u32 i = 0; i < rounds; i++)
		all += count((from + i) & 3);
	return all;
}

SEC("kprobe/do_nanosleep")
int on_sleep(void *ctx)
{
	volatile __u64 frame[16];

	frame[0] = fill(1);
	frame[15] = sum(0);
	total += frame[15];
	seen++;
	return total + frame[0];
}

SEC("tracepoint/sched/sched_switch")
int on_switch(void *ctx)
{
	return bpf_get_prandom_u32() ? sum(1) : fill(2);
}

char LICENSE[] SEC("license") = "GPL";
