#include "models.h"

/*
 * arch_bpf_timed_may_goto() without a callback of ours, as harness/kernel/may-goto.ts has it: r10 says where count and time
 * are, and gets the new count. It saves what its caller needs on the stack itself, so a time that lands in one of those slots
 * comes back in a register.
 */

enum { SAVED = 7, R9 = 9, R10 = 10, R11 = 11 };
static const int saved[SAVED] = { RBP, REG_RAX, RDI, RSI, RDX, RCX, R8 };
/* Rounds until the clock is asked again; how long a loop may take (BPF_MAX_TIMED_LOOPS); what passes from call to call. */
static const uint64_t rounds = 0xffff, limit = 250000000, tick = 1000000, first = 1000000000;

static uint64_t load(const struct engine *e, uint64_t address)
{
	uint64_t value = 0;
	memory_read(e, address, &value, sizeof(value), 0);
	return value;
}

/* @from_rbp: r10 is an offset from rbp, and no address. */
enum step may_goto(struct engine *e, bool from_rbp, uint64_t *target)
{
	cpu_read(e);
	uint64_t *regs = e->state->regs;
	uint64_t rsp = regs[REG_RSP], now = first + ++e->clock * tick;
	uint64_t at = (from_rbp ? regs[RBP] : 0) + regs[R10] + 8;
	for (int i = 0; i < SAVED; i++)
		memory_write(e, rsp - 8 * (uint64_t)(i + 1), &regs[saved[i]], sizeof(uint64_t), 0);
	uint64_t started = load(e, at);
	if (!started)
		memory_write(e, at, &now, sizeof(now), 0);
	regs[R10] = started && now - started >= limit ? 0 : rounds;
	for (int i = 0; i < SAVED; i++)
		regs[saved[i]] = load(e, rsp - 8 * (uint64_t)(i + 1));
	regs[R9] = junk(e);
	regs[R11] = junk(e);
	if (!pop_return(e, &regs[REG_RSP], target))
		return STEP_HALT;
	cpu_write(e, NULL);
	destroy_below(e, regs[REG_RSP], e->common->below, e->common->junk);
	return STEP_JUMP;
}
