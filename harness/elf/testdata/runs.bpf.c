/* What a kernel can run as a test, and have it come out the same in the emulator: it depends on nothing but its maps. */
#include "bpf.h"

struct {
	__uint(type, 2); /* BPF_MAP_TYPE_ARRAY */
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} counts SEC(".maps");

struct {
	__uint(type, 1); /* BPF_MAP_TYPE_HASH */
	__uint(max_entries, 16);
	__uint(map_flags, 1); /* BPF_F_NO_PREALLOC */
	__type(key, __u64);
	__type(value, __u64);
} nothing SEC(".maps");

const volatile __u32 rounds = 3;
__u64 total = 40;
__u64 seen;

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

/* The verifier has to be told what its argument is: BTF says a pointer to a number. */
__attribute__((noinline)) int first(const __u64 *words)
{
	return words ? words[0] & 0xff : 0;
}

SEC("raw_tp/sys_enter")
int runs(__u64 *ctx)
{
	volatile __u64 frame[16];
	__u64 key = ctx[0];

	frame[0] = fill(1);
	frame[15] = sum(key & 1);
	total += frame[15];
	seen++;
	if (bpf_map_lookup_elem(&nothing, &key))
		return 1;
	return total + frame[0] + (seen << 16);
}

SEC("syscall")
int calls(__u64 *ctx)
{
	volatile __u64 frame[10];

	frame[9] = ctx[0];
	ctx[1] = frame[9] + sum(0);
	return first((const __u64 *)&total) + frame[9];
}

SEC("socket")
int filter(void *ctx)
{
	return sum(2) + total;
}

char LICENSE[] SEC("license") = "GPL";
