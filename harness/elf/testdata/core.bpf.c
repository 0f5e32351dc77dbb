/* A program that adapts to the kernel's types: each relocation of the CO-RE kinds. */
#include "bpf.h"

#define CORE __attribute__((preserve_access_index))

struct list { struct list *next; } CORE;
struct inner { __u64 deep; } CORE;
struct thing {
	__u32 flags;
	__u32 count;
	struct inner rows[4];
	__s64 narrow : 5;
	struct list *links;
	__u64 wide;
	char name[16];
} CORE;
struct thing___old { int gone; } CORE;
struct no_such_thing { int x; } CORE;
typedef struct { __u64 a; } box_t;
enum mode { MODE_OLD, MODE_FAST = 9, MODE_LOST = 10 };

#define OFFSET(field) __builtin_preserve_field_info(field, 0)
#define SIZE(field) __builtin_preserve_field_info(field, 1)
#define EXISTS(field) __builtin_preserve_field_info(field, 2)
#define SIGNED(field) __builtin_preserve_field_info(field, 3)
#define LSHIFT(field) __builtin_preserve_field_info(field, 4)
#define RSHIFT(field) __builtin_preserve_field_info(field, 5)

#define FOR(type) (*(type *)0)

SEC("kprobe/loads")
int loads(struct thing *thing)
{
	return thing->flags + thing->count + thing->rows[2].deep + (thing->links != 0) + thing->wide;
}

/* Each answer goes to a place of its own. */
__u64 answers[17];

SEC("kprobe/asks")
int asks(struct thing *thing)
{
	answers[0] = OFFSET(thing->rows[1].deep);
	answers[1] = SIZE(thing->name);
	answers[2] = EXISTS(thing->flags);
	answers[3] = EXISTS(((struct thing___old *)thing)->gone);
	answers[4] = SIGNED(thing->narrow);
	answers[5] = LSHIFT(thing->narrow);
	answers[6] = RSHIFT(thing->narrow);
	answers[7] = OFFSET(thing->narrow);
	answers[8] = __builtin_btf_type_id(FOR(box_t), 1);
	answers[9] = __builtin_preserve_type_info(FOR(box_t), 0);
	answers[10] = __builtin_preserve_type_info(FOR(box_t), 1);
	answers[11] = __builtin_preserve_type_info(FOR(struct no_such_thing), 0);
	answers[12] = __builtin_preserve_enum_value(*(enum mode *)MODE_FAST, 1);
	answers[13] = __builtin_preserve_enum_value(*(enum mode *)MODE_LOST, 0);
	answers[14] = SIZE(thing->count);
	answers[15] = __builtin_preserve_enum_value(*(enum mode *)MODE_OLD, 0);
	answers[16] = __builtin_btf_type_id(FOR(box_t), 0);
	return 0;
}

/* Asked before: what the kernel does not have is never come to. */
SEC("kprobe/guarded")
int guarded(struct thing *thing)
{
	if (EXISTS(((struct thing___old *)thing)->gone))
		return ((struct thing___old *)thing)->gone;
	return 4;
}

SEC("kprobe/unguarded")
int unguarded(struct thing *thing)
{
	return ((struct thing___old *)thing)->gone;
}

char LICENSE[] SEC("license") = "GPL";
