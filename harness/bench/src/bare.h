/* What the bare loop runs: programs, what they run with, and what they leave; read from a file. */
#ifndef PRIVSTACK_BARE_H
#define PRIVSTACK_BARE_H

#include "../../native/src/library.h"

enum { GPRS = 16, REGS = 18, POISONED = 8, MAX_REGIONS = 64, MAX_CPUS = 8, MAX_CALLS = 1 << 16 };
enum { RAX = 0, RSP = 4 };

struct cpu {
	uint64_t stack, entry_rsp;
	uint8_t *used, *top, *area;
};

/* Bytes that C code behind a helper changed, and where. */
struct patch {
	uint8_t *to;
	const uint8_t *from;
	uint64_t size;
};

/* What a helper did that is more than to return something. */
struct exchange {
	const uint64_t *regs; /* 16, rflags */
	uint64_t rip;
	uint64_t patch_count;
	struct patch *patches;
};

struct input {
	const struct cpu *cpu;
	const uint8_t *junk;
	const uint64_t *regs, *want; /* 16, rflags, gs base; 16 */
	const uint8_t *context;
	const uint64_t *poison, *returns;
	uint64_t below, seed;
	uint64_t exchange_count;
	struct exchange *exchanges;
};

struct program {
	uint64_t entry, code_size, area_size, guard_count, input_count;
	const uint8_t *code;
	uint8_t **guards;
	struct input *inputs;
};

/* All that the file says. */
struct cases {
	uint64_t stop, image, helpers, helper_bytes, stride, plain, context_size, stack_used, guard;
	uint64_t cpu_count, program_count;
	struct cpu cpus[MAX_CPUS];
	struct program *programs;
	uint8_t *code, *context;
};

_Noreturn void fail(const char *what);
void must(int err, const char *what);

/* Reads a file, and maps the memory that it names into the engine. */
void read_cases(struct cases *cases, const char *path, const struct library *lib, uc_engine *uc);

#endif
