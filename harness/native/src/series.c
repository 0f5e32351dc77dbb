#include "engine.h"
#include "interpret.h"
#include "series.h"

#include <string.h>

/*
 * One program with one input after the other, without leaving the processor: where a run returns to, it is compared with
 * what the interpreter said, memory and registers are made new, and the next one begins. The interpreter has gone through
 * all inputs before: right one behind the other, its branches are foreseen. What is compared, and with what,
 * is in harness/fuzz/fast.ts, which does the same for a single run and has the last word: this only says that nothing is
 * wrong.
 */

/* What comes of an input, as the interpreter has it. */
struct want {
	uint64_t r0, executed;
	const uint32_t *log; /* numbers of the callees */
	uint64_t calls;
	uint8_t context[SERIES_CONTEXT];
};

struct series_run {
	struct series *s;
	const struct want *wants;
	uint64_t known; /* inputs, from the first on, of which there is one */
	const uint8_t *junk;
	uint64_t before[GPRS];
	uint8_t *context;
	uint8_t *top[SERIES_CPUS], *area[SERIES_CPUS];
};

/* Calls of all inputs of a program. */
enum { LOGGED = 1 << 16 };
static _Thread_local uint32_t logged[LOGGED];
static _Thread_local struct want foreseen[SERIES_INPUTS];

static const int preserved[] = { 3, 5, 12, 13, 14, 15 };
enum { RDI = 7, POISON_R9 = 5 };

/* Guest memory as the host sees it, where all of it is in one mapping. */
static uint8_t *span(const struct engine *e, uint64_t address, uint64_t size)
{
	uint8_t *first = memory_at(e, address, 0);
	return first && size && memory_at(e, address + (size - 1), 0) == first + (size - 1) ? first : NULL;
}

static bool find_memory(const struct engine *e, struct series_run *r)
{
	const struct series *s = r->s;
	r->context = span(e, s->context, s->context_bytes);
	if (!r->context)
		return false;
	for (int i = 0; i < SERIES_CPUS; i++) {
		uint8_t *used = span(e, s->cpus[i].rsp - s->stack_bytes, s->stack_bytes + 8);
		r->area[i] = span(e, s->cpus[i].area, s->area_bytes);
		if (!used || !r->area[i])
			return false;
		r->top[i] = used + s->stack_bytes;
	}
	return true;
}

/* Whether nothing that it says lies outside of it. */
static bool is_sound(const struct engine *e, const struct series *s, size_t junk_bytes)
{
	if (!s->count || s->count > SERIES_INPUTS || s->guard_count > SERIES_GUARDS ||
	    !s->context_bytes || s->context_bytes > SERIES_CONTEXT || s->own_bytes > s->area_bytes || s->area_bytes > junk_bytes ||
	    s->stack_bytes > junk_bytes || s->stub >= e->helper_count || e->helper_count > SERIES_PLACES || !e->common)
		return false;
	for (int i = 0; i < SERIES_PLACES; i++)
		if (s->callee_of[i] >= SERIES_RETURNS)
			return false;
	for (uint64_t i = 0; i < s->guard_count; i++)
		if (s->area_bytes < sizeof(s->guard) || s->guards[i] > s->area_bytes - sizeof(s->guard))
			return false;
	uint64_t most = s->area_bytes > s->stack_bytes ? s->area_bytes : s->stack_bytes;
	most = most > GPRS * sizeof(uint64_t) ? most : GPRS * sizeof(uint64_t);
	for (uint64_t i = 0; i < s->count; i++)
		if (s->inputs[i].cpu >= SERIES_CPUS || s->inputs[i].from > junk_bytes || s->inputs[i].from % 8 ||
		    most + 8 > junk_bytes - s->inputs[i].from)
			return false;
	return true;
}

/* Memory as a run finds it. */
static void fill_memory(const struct engine *e, const struct series_run *r, const struct series_input *input)
{
	const struct series *s = r->s;
	const uint8_t *junk = r->junk + input->from;
	memcpy(r->top[input->cpu] - s->stack_bytes, junk, s->stack_bytes);
	memcpy(r->top[input->cpu], &e->helper_by_index[s->stub]->address, sizeof(uint64_t));
	for (int cpu = 0; cpu < SERIES_CPUS; cpu++) {
		memcpy(r->area[cpu], junk + 8, s->area_bytes);
		for (uint64_t i = 0; i < s->guard_count; i++)
			memcpy(r->area[cpu] + s->guards[i], &s->guard, sizeof(s->guard));
	}
	memcpy(r->context, input->context, s->context_bytes);
}

/* Registers, and what helpers leave in them. */
static void fill_registers(struct engine *e, struct series_run *r, const struct series_input *input)
{
	const struct series *s = r->s;
	uint64_t *regs = e->state->regs;
	/* Not canonical, so whoever uses one as a pointer is found out. */
	memcpy(regs, r->junk + input->from, sizeof(r->before));
	for (int i = 0; i < GPRS; i++)
		regs[i] = (regs[i] & 0x3fffffffffffffffu) | 0x4000000000000000u;
	regs[RDI] = s->context;
	memcpy(r->before, regs, sizeof(r->before));
	for (int i = 0; i < POISONED; i++)
		e->common->poison[i] = regs[i] ^ 0x0101010101010101u;
	if (input->has_r9)
		e->common->poison[POISON_R9] = input->r9;
	e->common->junk = input->seed;
	for (uint32_t i = 0; i < e->helper_count; i++)
		if (s->callee_of[i] >= 0)
			e->common->ret[i] = input->returns[s->callee_of[i]];
	regs[REG_RSP] = s->cpus[input->cpu].rsp;
	regs[REG_GS_BASE] = s->cpus[input->cpu].gs_base;
	regs[REG_RFLAGS] = s->rflags;
	cpu_write(e, NULL);
}

/* Asks the interpreter about inputs, as far as it can say what is to come of them. */
static uint64_t foresee(const struct series *s, struct interpreter *in)
{
	uint64_t used = 0;
	in->context_size = s->context_bytes;
	for (uint64_t i = 0; i < s->count; i++) {
		const struct series_input *input = &s->inputs[i];
		struct want *want = &foreseen[i];
		memcpy(in->returns, input->returns, sizeof(input->returns));
		memcpy(in->context, input->context, s->context_bytes);
		in->seed = input->seed;
		interpret(in);
		if (in->end || in->calls > MAX_LOGGED || in->calls > LOGGED - used)
			return i;
		want->r0 = in->r0;
		want->executed = in->executed;
		want->calls = in->calls;
		want->log = memcpy(logged + used, in->log, in->calls * sizeof(*logged));
		memcpy(want->context, in->context, s->context_bytes);
		used += in->calls;
	}
	return s->count;
}

/* Everything up to the first instruction of the next run; false where nobody can say what is to come of it. */
static bool begin(struct engine *e, struct series_run *r)
{
	const struct series *s = r->s;
	const struct series_input *input = &s->inputs[s->done];
	if (s->done == r->known)
		return false;
	fill_memory(e, r, input);
	fill_registers(e, r, input);
	run_reset(e);
	return true;
}

static bool same_calls(const struct engine *e, const struct series *s, const struct want *want)
{
	uint64_t at = 0;
	if (e->state->events > e->event_capacity)
		return false;
	for (uint64_t i = 0; i < e->state->events; i++) {
		int32_t callee = s->callee_of[e->events[i * EVENT_WORDS] >> 32];
		if (callee < 0)
			continue;
		if (at == want->calls || want->log[at++] != (uint32_t)callee)
			return false;
	}
	return at == want->calls;
}

/* The run has returned: whether everything is as it must be. */
static bool is_right(struct engine *e, const struct series_run *r)
{
	const struct series *s = r->s;
	const struct series_input *input = &s->inputs[s->done];
	const struct want *want = &r->wants[s->done];
	const uint64_t *regs = e->state->regs;
	if (regs[REG_RAX] != want->r0 || regs[REG_RSP] != s->cpus[input->cpu].rsp + 8 || e->state->loops_lost)
		return false;
	for (size_t i = 0; i < sizeof(preserved) / sizeof(preserved[0]); i++)
		if (regs[preserved[i]] != r->before[preserved[i]])
			return false;
	if (memcmp(r->context, want->context, s->context_bytes))
		return false;
	for (int cpu = 0; cpu < SERIES_CPUS; cpu++)
		for (uint64_t i = 0; i < s->guard_count; i++)
			if (memcmp(r->area[cpu] + s->guards[i], &s->guard, sizeof(s->guard)))
				return false;
	if (!same_calls(e, s, want))
		return false;
	/* What the other CPU has must be as it was. Its guards are not junk, and were looked at already. */
	uint8_t *other = r->area[1 - input->cpu];
	const uint8_t *junk = r->junk + input->from + 8;
	for (uint64_t i = 0; i < s->guard_count; i++)
		memcpy(other + s->guards[i], junk + s->guards[i], sizeof(s->guard));
	return !memcmp(other, junk, s->own_bytes);
}

/* A run is over. */
enum step series_next(struct engine *e, uint64_t *target)
{
	struct series_run *r = e->series;
	cpu_read(e);
	if (is_right(e, r)) {
		r->s->executed = r->wants[r->s->done].executed;
		if (++r->s->done < r->s->count && begin(e, r)) {
			*target = r->s->entry;
			return STEP_JUMP;
		}
	}
	halt(e, RUN_STOPPED);
	return STEP_HALT;
}

/* Runs a program with all inputs, or until something may be wrong. The processor is pristine. */
int series(struct engine *e, struct series *s, struct interpreter *in, const uint8_t *junk, size_t junk_bytes)
{
	struct series_run r = { .s = s, .wants = foreseen, .junk = junk };
	if (!is_sound(e, s, junk_bytes) || !interpreter_is_sound(in) || !find_memory(e, &r))
		return ST_BAD_ARGUMENT;
	s->done = 0;
	r.known = foresee(s, in);
	if (!begin(e, &r))
		return ST_OK;
	e->series = &r;
	e->series_stub = (uint32_t)s->stub;
	run(e, s->entry);
	e->series = NULL;
	return ST_OK;
}
