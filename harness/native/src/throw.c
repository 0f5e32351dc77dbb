#include "models.h"

#include <stdlib.h>
#include <string.h>

/*
 * bpf_throw() without a callback of ours, as harness/run/kernel-side.ts has it: it looks for the boundary along rbp, and hands
 * its frame to the exception callback.
 */

/* Most frames that are looked at: a broken chain may run in a circle. */
enum { MAX_FRAMES_SEEN = 64 };

/* Takes the table of functions: first address, last one, whether it is a boundary. */
int throw_set(struct engine *e, uint64_t callback, const uint64_t *words, size_t count)
{
	if (count % 3 || count / 3 > MAX_FUNCTIONS)
		return ST_BAD_ARGUMENT;
	e->exception_callback = callback;
	e->function_count = (int)(count / 3);
	for (int i = 0; i < e->function_count; i++)
		e->functions[i] = (struct function){ words[3 * i], words[3 * i + 1], words[3 * i + 2] != 0 };
	return ST_OK;
}

static const struct function *function_at(const struct engine *e, uint64_t ip)
{
	for (int i = 0; i < e->function_count; i++)
		if (ip >= e->functions[i].lo && ip <= e->functions[i].hi)
			return &e->functions[i];
	return NULL;
}

struct frame {
	uint64_t ip, sp, bp;
};

static bool find_boundary(const struct engine *e, struct frame *f)
{
	for (int seen = 0; seen < MAX_FRAMES_SEEN; seen++) {
		const struct function *of = function_at(e, f->ip);
		if (!of || of->boundary)
			return of;
		uint64_t bp = f->bp;
		if (!memory_read(e, bp, &f->bp, 8, 0) || !memory_read(e, bp + 8, &f->ip, 8, 0))
			return false;
		f->sp = bp + 16;
	}
	return false;
}

enum step throw_exception(struct engine *e, const struct helper *helper, uint64_t *target)
{
	cpu_read(e);
	uint64_t *regs = e->state->regs, cookie = regs[RDI], rsp = regs[REG_RSP];
	struct frame frame = { .sp = rsp + 8, .bp = regs[RBP] };
	if (!memory_read(e, rsp, &frame.ip, 8, 0) || !find_boundary(e, &frame)) {
		halt(e, RUN_STOPPED);
		return STEP_HALT;
	}
	rsp = c_stack(rsp);
	for (int i = 0; i < GPRS; i++)
		regs[i] = junk(e);
	regs[RDI] = cookie, regs[RSI] = frame.sp, regs[RDX] = frame.bp, regs[RCX] = regs[R8] = 0;
	regs[REG_RSP] = rsp;
	if (!memory_write(e, rsp, &helper->stub, sizeof(helper->stub), 0)) {
		halt(e, RUN_STOPPED);
		return STEP_HALT;
	}
	cpu_write(e, NULL);
	*target = e->exception_callback;
	return STEP_JUMP;
}
