#include "engine.h"

/* Bytes. Wider ones (SSE, cmpxchg16b) are made of these. */
enum { LARGEST_ACCESS = 8 };

/* Ends the run for the first reason given. */
void halt(struct engine *e, enum outcome end)
{
	if (e->end == RUN_GOING)
		e->end = end;
	e->lib->emu_stop(e->uc);
}

static bool spend_block(struct engine *e)
{
	if (e->blocks_left == 0) {
		halt(e, RUN_BUDGET);
		return false;
	}
	e->blocks_left--;
	return true;
}

static void on_block(uc_engine *uc, uint64_t address, uint32_t size, void *user)
{
	(void)uc;
	struct engine *e = user;
	if (e->end != RUN_GOING || !spend_block(e))
		return;
	e->covered = size && ranges_contain(&e->code_hooks, address, address + (size - 1));
}

static enum step model(struct engine *e, const struct helper *helper, uint64_t *target)
{
	if (helper->model == MODEL_LOOP)
		return loop_begin(e, helper, target);
	if (helper->model == MODEL_THROW)
		return throw_exception(e, helper, target);
	return may_goto(e, helper->model == MODEL_MAY_GOTO_RBP, target);
}

static enum step helper_at(struct engine *e, uint64_t address, uint64_t *target)
{
	const struct helper *helper = helpers_find(e, address);
	if (!helper)
		return STEP_ON;
	if (e->series && helper->index == e->series_stub)
		return series_next(e, target);
	if (e->brief) {
		event_brief(e, address, helper->index);
	} else {
		cpu_read_scratch(e);
		event_registers(e, EVENT_HELPER, address, helper->index);
	}
	if (e->end != RUN_GOING)
		return STEP_HALT;
	if (helper->model)
		return model(e, helper, target);
	if (e->loop_depth && helper->index == e->loop_return)
		return loop_next(e, target);
	if (helper->js)
		return call_js(e, CALL_HELPER, helper, address, target);
	return helper_model(e, helper, target) ? STEP_JUMP : STEP_HALT;
}

/* Everything that happens before the instruction at @address: trace, callback, helper, from @stage on. */
static enum step before_insn(struct engine *e, uint64_t address, enum stage stage, uint64_t *target)
{
	if (stage == STAGE_ALL && ranges_contain(&e->traced, address, address)) {
		cpu_read_scratch(e);
		event_registers(e, EVENT_INSN, address, 0);
		if (e->end != RUN_GOING)
			return STEP_HALT;
	}
	if (stage == STAGE_ALL && ranges_contain(&e->scripted, address, address)) {
		enum step step = call_js(e, CALL_CODE, NULL, address, target);
		e->stage_left = STAGE_HELPER;
		if (step != STEP_ON)
			return step;
	}
	if (stage == STAGE_NONE)
		return STEP_ON;
	e->stage_left = STAGE_NONE;
	return helper_at(e, address, target);
}

/* The stages still to do: all, unless this is the second firing that STEP_AGAIN caused. */
static enum stage take_stage(struct engine *e, uint64_t address)
{
	bool again = e->again && e->insn == address;
	e->again = false;
	e->insn = address;
	return again ? e->stage_left : STAGE_ALL;
}

static void on_code(uc_engine *uc, uint64_t address, uint32_t size, void *user)
{
	(void)size;
	struct engine *e = user;
	e->entry = NULL;
	if (e->end != RUN_GOING)
		return;

	/* Writing the rip that is already there would fire this hook again without end, so such a jump is made here. */
	enum stage stage = take_stage(e, address);
	uint64_t target = address;
	enum step step = before_insn(e, address, stage, &target);
	while (step == STEP_JUMP && target == address && spend_block(e))
		step = before_insn(e, address, STAGE_ALL, &target);

	if (e->end == RUN_GOING && step == STEP_ON && e->entries)
		extable_begin(e, address);
	if (e->end != RUN_GOING || step == STEP_ON)
		return;
	e->again = step == STEP_AGAIN;
	e->lib->reg_write(uc, UC_X86_REG_RIP, e->again ? &address : &target);
}

/*
 * Whether a read is a half of the one before. 2.0 reads across a page boundary as two aligned reads, and reports the
 * whole and both halves.
 */
static bool is_half(struct engine *e, uint64_t address, uint32_t size)
{
	if (e->half_size != size || (address != e->half && address != e->half + size))
		return false;
	if (address != e->half)
		e->half_size = 0;
	return true;
}

static void expect_halves(struct engine *e, uint64_t address, uint32_t size)
{
	bool crosses = address / PAGE != (address + (size - 1)) / PAGE;
	e->half_size = crosses && !library_rip_is_precise(e->lib) ? size : 0;
	e->half = address & ~(uint64_t)(size - 1);
}

/* The value of a read is taken from memory, where it still is: the access comes next. */
static void on_access(uc_engine *uc, int type, uint64_t address, int bytes, int64_t value, void *user)
{
	(void)uc;
	struct engine *e = user;
	uint32_t size = (uint32_t)bytes;
	bool write = type == UC_MEM_WRITE;
	if (e->end != RUN_GOING || (!write && is_half(e, address, size)))
		return;
	e->half_size = 0;
	if (!write)
		expect_halves(e, address, size);
	if (write && e->entry)
		extable_note_store(e, address, size);
	if (!ranges_touch(&e->watched, address, address + (size - 1)))
		return;
	uint64_t seen = (uint64_t)value;
	if (!write) {
		seen = 0;
		memory_read(e, address, &seen, size < sizeof(seen) ? size : sizeof(seen), GUEST_R);
	}
	uint64_t rip = 0;
	e->lib->reg_read(e->uc, UC_X86_REG_RIP, &rip);
	event_access(e, write, rip, address, size, seen);
}

/*
 * 2.0 calls the read hook only where memory is mapped: a read that faults elsewhere gets its event here, unless it has
 * one already.
 */
static void fault_event(struct engine *e, bool write, uint64_t address, uint32_t size)
{
	if (!ranges_touch(&e->watched, address, address + (size - 1)))
		return;
	uint64_t count = e->state->events;
	const uint64_t *last = e->events + EVENT_WORDS * ((count - 1) % e->event_capacity);
	uint8_t kind = write ? EVENT_WRITE : EVENT_READ;
	/* Part of an access over the edge of a mapping, or all of it. */
	if (count && (uint8_t)last[0] == kind && address - last[2] < (uint8_t)(last[0] >> 8))
		return;
	uint64_t rip = 0;
	e->lib->reg_read(e->uc, UC_X86_REG_RIP, &rip);
	event_access(e, write, rip, address, size, 0);
}

/* Notes the fault. Whether it ends the run is told by the error of uc_emu_start(). */
static bool on_invalid(uc_engine *uc, int type, uint64_t address, int size, int64_t value, void *user)
{
	(void)uc, (void)value;
	struct engine *e = user;
	if (e->end != RUN_GOING)
		return false;
	struct state *state = e->state;
	bool write = type == UC_MEM_WRITE_UNMAPPED || type == UC_MEM_WRITE_PROT;
	bool fetch = type == UC_MEM_FETCH_UNMAPPED || type == UC_MEM_FETCH_PROT;
	if (!fetch)
		fault_event(e, write, address, (uint32_t)size);
	state->access = fetch ? 2 : write;
	state->protected = type >= UC_MEM_WRITE_PROT;
	state->address = address;
	state->size = (uint32_t)size;
	return false;
}

static void on_interrupt(uc_engine *uc, uint32_t vector, void *user)
{
	(void)uc;
	struct engine *e = user;
	if (e->end == RUN_GOING)
		e->state->vector = vector;
	halt(e, RUN_TRAP);
}

static int add(struct engine *e, int type, void *callback, uint64_t lo, uint64_t hi)
{
	uc_hook hook;
	return e->lib->hook_add(e->uc, &hook, type, callback, e, lo, hi);
}

/*
 * All hooks, once: a hook only acts on blocks translated after it was added. One code hook serves traces, callbacks
 * and helpers, because what one of them does to rip decides whether the next may run.
 */
int hooks_install(struct engine *e)
{
	e->code_hooks = e->traced;
	e->memory_hooks = e->watched;
	/* The library compares where an access begins. */
	ranges_widen(&e->memory_hooks, LARGEST_ACCESS - 1);
	int status = helpers_ranges(e, &e->code_hooks);
	if (!status)
		status = extable_ranges(e, &e->code_hooks);
	/* Only a hook knows what a store overwrites. */
	if (!status && extable_has_stores(e))
		status = ranges_add(&e->memory_hooks, 0, UINT64_MAX);
	for (int i = 0; !status && i < e->scripted.count; i++)
		status = ranges_add(&e->code_hooks, e->scripted.at[i].lo, e->scripted.at[i].hi);
	if (status)
		return status;
	ranges_merge(&e->code_hooks);
	ranges_merge(&e->memory_hooks);

	status = add(e, UC_HOOK_BLOCK, (void *)on_block, 0, UINT64_MAX);
	if (!status)
		status = add(e, UC_HOOK_INTR, (void *)on_interrupt, 0, UINT64_MAX);
	if (!status)
		status = add(e, UC_HOOK_MEM_INVALID, (void *)on_invalid, 0, UINT64_MAX);
	for (int i = 0; !status && i < e->code_hooks.count; i++)
		status = add(e, UC_HOOK_CODE, (void *)on_code, e->code_hooks.at[i].lo, e->code_hooks.at[i].hi);
	for (int i = 0; !status && i < e->memory_hooks.count; i++)
		status = add(e, UC_HOOK_MEM_READ | UC_HOOK_MEM_WRITE, (void *)on_access, e->memory_hooks.at[i].lo,
			     e->memory_hooks.at[i].hi);
	return status;
}
