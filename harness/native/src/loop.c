#include "models.h"

#include <string.h>

/*
 * bpf_loop() without a callback of ours: callback(index, context) until it returns something else than 0, as C code calls
 * it: with junk in every register that has no meaning, and sentinels in those that it has to give back. It is what
 * harness/run/kernel-side.ts does, for runs of which nobody keeps a record; what it notices is `loops_lost`, and the run
 * is made again with the other one.
 */

/* BPF_MAX_LOOPS (include/linux/bpf.h). */
enum { MAX_ROUNDS = 1 << 23, EINVAL_ = 22, E2BIG_ = 7 };

static const int preserved[] = { RBX, RBP, R12, R12 + 1, R12 + 2, R12 + 3 };

/* Calls the callback once more. */
static enum step enter(struct engine *e, struct loop *loop, uint64_t *target)
{
	uint64_t *regs = e->state->regs;
	uint64_t rsp = c_stack(loop->regs[REG_RSP]);
	for (int i = 0; i < GPRS; i++)
		regs[i] = junk(e);
	regs[RDI] = loop->round++;
	regs[RSI] = loop->context;
	regs[REG_RSP] = rsp;
	if (!memory_write(e, rsp, &loop->helper->stub, sizeof(loop->helper->stub), GUEST_W)) {
		halt(e, RUN_STOPPED);
		return STEP_HALT;
	}
	for (size_t i = 0; i < sizeof(preserved) / sizeof(preserved[0]); i++)
		loop->sentinels[i] = regs[preserved[i]];
	loop->rsp = rsp + 8;
	cpu_write(e, NULL);
	*target = loop->callback;
	return STEP_JUMP;
}

static enum step finish(struct engine *e, struct loop *loop, uint64_t result, uint64_t *target)
{
	memcpy(e->state->regs, loop->regs, sizeof(loop->regs));
	cpu_write(e, NULL);
	e->loop_depth--;
	struct helper helper = *loop->helper;
	helper.common = false;
	helper.ret = result;
	for (int i = 0; i < POISONED; i++)
		helper.poison[i] = junk(e);
	helper.below = C_FRAME;
	helper.junk = e->common->junk;
	return helper_model(e, &helper, target) ? STEP_JUMP : STEP_HALT;
}

/* The helper is called. */
enum step loop_begin(struct engine *e, const struct helper *helper, uint64_t *target)
{
	if (e->loop_depth == MAX_LOOPS_DEEP) {
		halt(e, RUN_STOPPED);
		return STEP_HALT;
	}
	cpu_read(e);
	struct loop *loop = &e->loops[e->loop_depth++];
	memcpy(loop->regs, e->state->regs, sizeof(loop->regs));
	loop->helper = helper;
	loop->round = 0;
	loop->count = (uint32_t)loop->regs[RDI];
	loop->callback = loop->regs[RSI];
	loop->context = loop->regs[RDX];
	if (loop->regs[RCX])
		return finish(e, loop, (uint64_t)-EINVAL_, target);
	if (loop->count > MAX_ROUNDS)
		return finish(e, loop, (uint64_t)-E2BIG_, target);
	return loop->count ? enter(e, loop, target) : finish(e, loop, 0, target);
}

/* The callback has returned. */
enum step loop_next(struct engine *e, uint64_t *target)
{
	struct loop *loop = &e->loops[e->loop_depth - 1];
	uint64_t *regs = e->state->regs;
	cpu_read(e);
	e->state->loops_lost |= regs[REG_RSP] != loop->rsp;
	for (size_t i = 0; i < sizeof(preserved) / sizeof(preserved[0]); i++)
		e->state->loops_lost |= regs[preserved[i]] != loop->sentinels[i];
	if (regs[REG_RAX] || loop->round == loop->count)
		return finish(e, loop, loop->round, target);
	return enter(e, loop, target);
}
