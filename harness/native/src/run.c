#include "engine.h"

/*
 * Forgets the blocks translated from @address on. Page by page, because each protection change splits a mapping, and
 * the library takes contiguous guest memory for contiguous blocks of its own.
 */
int invalidate(struct engine *e, uint64_t address, uint64_t size)
{
	if (!size || !memory_allows(e, address, size, GUEST_X))
		return ST_BAD_ARGUMENT;
	uint64_t last = address + (size - 1);
	for (uint64_t from = address;;) {
		uint64_t page_last = from | (PAGE - 1);
		uint64_t to = page_last < last ? page_last : last;
		/* The end is exclusive, and 0 cannot be it: the last byte of the address space starts no instruction alone. */
		uint64_t end = to == UINT64_MAX ? to : to + 1;
		int err = end > from ? e->lib->ctl(e->uc, UC_CTL_WRITE(UC_CTL_TB_REMOVE_CACHE, 2), from, end) : 0;
		if (err)
			return err;
		if (to == last)
			return ST_OK;
		from = to + 1;
	}
}

/* The pristine processor, and code forgotten. In this order: forgetting looks addresses up as the processor would. */
int start_over(struct engine *e, uint64_t address, uint64_t size)
{
	int err = e->lib->context_restore(e->uc, e->pristine);
	return err || !size ? err : invalidate(e, address, size);
}

static bool is_memory_error(int err)
{
	return (err >= UC_ERR_READ_UNMAPPED && err <= UC_ERR_FETCH_UNMAPPED) ||
	       (err >= UC_ERR_WRITE_PROT && err <= UC_ERR_FETCH_PROT);
}

/*
 * Success is err 0 and rip at the stop address, never less: err is also 0 after hlt, after a hook that stops, and
 * after an exception inside an exception.
 */
static enum outcome classify(const struct engine *e, int err)
{
	if (e->end != RUN_GOING)
		return e->end;
	if (is_memory_error(err))
		return RUN_FAULT;
	if (err == UC_ERR_INSN_INVALID)
		return RUN_INVALID_INSN;
	if (err)
		return RUN_ERROR;
	return e->state->regs[REG_RIP] == e->stop ? RUN_OK : RUN_ELSEWHERE;
}

/* What the error alone tells, for a fault that no hook was asked about. */
static void describe_fault(struct state *state, int err)
{
	state->access = err == UC_ERR_FETCH_UNMAPPED || err == UC_ERR_FETCH_PROT ? 2 :
			err == UC_ERR_WRITE_UNMAPPED || err == UC_ERR_WRITE_PROT;
	state->protected = err >= UC_ERR_WRITE_PROT;
	state->address = state->regs[REG_RIP];
}

/* Whether a data access ended the run, after which 2.0 leaves rip at the start of the block. */
static bool rip_may_be_stale(const struct engine *e, enum outcome end, int err)
{
	bool in_memory_hook = end == RUN_EVENTS_FULL;
	bool data_fault = end == RUN_FAULT && is_memory_error(err) && e->state->access != 2;
	return (in_memory_hook || data_fault) && !library_rip_is_precise(e->lib);
}

static void settle_rip(const struct engine *e, enum outcome end, int err)
{
	struct state *state = e->state;
	state->rip = state->regs[REG_RIP];
	state->exact = e->covered || !rip_may_be_stale(e, end, err);
}

/*
 * Starts the processor, and again behind every fault that the exception table handles. Not within a hook, since those
 * cannot move rip after a fault. Returns the error of the last start.
 */
static int start(struct engine *e, uint64_t from)
{
	for (;;) {
		int err = e->lib->emu_start(e->uc, from, e->stop, 0, 0);
		bool data = is_memory_error(err) && err != UC_ERR_FETCH_UNMAPPED && err != UC_ERR_FETCH_PROT;
		if (!data || e->end != RUN_GOING || !extable_handle(e, &from))
			return err;
		e->half_size = 0;
		e->state->size = 0;
	}
}

/* What the engine knows of a run, as one begins. */
void run_reset(struct engine *e)
{
	struct state *state = e->state;
	e->end = RUN_GOING;
	e->blocks_left = e->block_budget;
	e->covered = false;
	e->again = false;
	e->half_size = 0;
	e->entry = NULL;
	e->loop_depth = 0;
	e->model_junk = e->clock = 0;
	state->loops_lost = 0;
	state->events = 0;
	state->size = 0;
}

/* One program run: pristine processor, registers in, start, registers out. Returns an outcome. */
int run(struct engine *e, uint64_t entry)
{
	struct state *state = e->state;
	run_reset(e);
	cpu_write(e, NULL);
	e->running = true;
	int err = start(e, entry);
	e->running = false;
	cpu_read(e);

	enum outcome end = classify(e, err);
	if (end == RUN_FAULT && !state->size)
		describe_fault(state, err);
	state->code = (uint32_t)err;
	settle_rip(e, end, err);
	return end;
}
