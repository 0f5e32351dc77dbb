/* The kernel that core.bpf.c runs on: its types alone, in another order and with other sizes. */
#include "bpf.h"

struct list { struct list *next; };

struct inner {
	__u8 pad[40];
	__u64 deep;
};

struct thing {
	__u64 added_first;
	struct {
		struct { __u8 gap[8]; __u32 flags; };
		__u64 count; /* 32 bits in the program */
	};
	struct inner rows[6];
	__u32 before : 3;
	__s64 narrow : 5;
	struct list *links;
	__u64 wide;
	char name[24];
};

typedef struct { __u64 a, b, c; } box_t;

enum mode { MODE_NEW, MODE_OLD, MODE_FAST = 77 };

struct thing a_thing;
box_t a_box;
enum mode a_mode = MODE_FAST;
