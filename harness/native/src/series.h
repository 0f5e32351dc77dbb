/* Many short runs of one program: what they begin with, shared with TypeScript. Keep in step with series.ts. */
#ifndef PRIVSTACK_SERIES_H
#define PRIVSTACK_SERIES_H

#include <stdint.h>

enum { SERIES_CPUS = 2, SERIES_GUARDS = 64, SERIES_PLACES = 64, SERIES_RETURNS = 16, SERIES_CONTEXT = 256, SERIES_INPUTS = 64 };

struct series_input {
	uint64_t cpu, from; /* which junk, in bytes */
	uint64_t seed;
	uint64_t has_r9, r9; /* what helpers leave in r9, where it is not junk */
	uint64_t returns[SERIES_RETURNS]; /* by callee, as the interpreter counts them */
	uint8_t context[SERIES_CONTEXT];
};

struct series {
	uint64_t done; /* inputs at which nothing was wrong; the one behind them is the first at which something may be */
	uint64_t executed; /* instructions, by the interpreter, with the last of them */
	uint64_t count, entry;
	uint64_t area_bytes; /* of each CPU's dynamic area: made junk before a run; and those that another CPU must not touch */
	uint64_t own_bytes;
	uint64_t stack_bytes; /* below the entry, made junk before a run */
	uint64_t context, context_bytes, guard, guard_count, rflags, stub; /* guards of one CPU; what they hold */
	struct {
		uint64_t rsp, area, gs_base;
	} cpus[SERIES_CPUS];
	uint64_t guards[SERIES_GUARDS]; /* where in an area, in bytes */
	int32_t callee_of[SERIES_PLACES]; /* by helper: its number as the interpreter counts; -1: it is not counted */
	struct series_input inputs[SERIES_INPUTS];
};

#endif
