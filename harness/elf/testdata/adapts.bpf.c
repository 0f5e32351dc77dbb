/* Offsets of a type that every kernel has: as the running one has them. */
#include "bpf.h"

struct task_struct {
	int pid;
	int tgid;
	char comm[16];
} __attribute__((preserve_access_index));

SEC("raw_tp/sys_enter")
int adapts(void *ctx)
{
	__u64 at = __builtin_preserve_field_info(((struct task_struct *)0)->tgid, 0);

	return at - __builtin_preserve_field_info(((struct task_struct *)0)->pid, 0);
}

char LICENSE[] SEC("license") = "GPL";
