/* Whether whole types match the kernel's: a question that only clang 15 and later compiles. */
#include "bpf.h"

struct list { struct list *next; };
struct inner { __u64 deep; };
struct inner___narrow { __u32 deep; };
enum mode { MODE_OLD, MODE_FAST = 9 };
enum mode___lost { MODE_LOST };

__u64 answers[5];

#define MATCHES(type) __builtin_preserve_type_info(*(type *)0, 2)

SEC("kprobe/matches")
int matches(void *ctx)
{
	answers[0] = MATCHES(struct inner);
	answers[1] = MATCHES(struct inner___narrow);
	answers[2] = MATCHES(enum mode);
	answers[3] = MATCHES(enum mode___lost);
	answers[4] = MATCHES(struct list);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
