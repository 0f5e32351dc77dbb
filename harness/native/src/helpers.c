#include "models.h"

#include <stdlib.h>
#include <string.h>

/*
 * Helpers further apart than this get hooks of their own. One hook over everything would also cover a JIT image that
 * lies between two of them and slow down its every instruction; one hook a helper is slower still. 16 MiB is about
 * the size of a kernel's text.
 */
#define HELPER_GAP ((uint64_t)16 << 20)

static const int poisoned[POISONED] = {
	UC_X86_REG_RCX, UC_X86_REG_RDX,    UC_X86_REG_RSI,    UC_X86_REG_RDI,
	UC_X86_REG_R8,  UC_X86_REG_R8 + 1, UC_X86_REG_R8 + 2, UC_X86_REG_R8 + 3,
};

static int by_address(const void *a, const void *b)
{
	uint64_t x = ((const struct helper *)a)->address, y = ((const struct helper *)b)->address;
	return (x > y) - (x < y);
}

/* Takes the table of helpers, once. @js[i] tells whether a callback models the helper. */
int helpers_set(struct engine *e, const uint64_t *addresses, const uint8_t *js, size_t count)
{
	if (e->helpers || !count || count > UINT32_MAX / 2)
		return ST_BAD_ARGUMENT;
	struct helper *helpers = calloc(count, sizeof(*helpers));
	struct helper **by_index = calloc(count, sizeof(*by_index));
	if (!helpers || !by_index) {
		free(helpers);
		free(by_index);
		return ST_TOO_BIG;
	}
	for (size_t i = 0; i < count; i++)
		helpers[i] = (struct helper){ .address = addresses[i], .index = (uint32_t)i, .js = js[i] };
	qsort(helpers, count, sizeof(*helpers), by_address);
	for (size_t i = 1; i < count; i++) {
		if (helpers[i].address == helpers[i - 1].address) {
			free(helpers);
			free(by_index);
			return ST_BAD_ARGUMENT;
		}
	}
	for (size_t i = 0; i < count; i++) {
		by_index[helpers[i].index] = &helpers[i];
		e->policies_missing += !helpers[i].js;
	}
	e->helpers = helpers;
	e->helper_by_index = by_index;
	e->helper_count = (uint32_t)count;
	return ST_OK;
}

/* Gives all helpers without a callback one policy, once. Whoever shares it may change it at any time. */
int helpers_common(struct engine *e)
{
	if (e->common || !e->helpers)
		return ST_BAD_ARGUMENT;
	e->common_block = block_new(sizeof(struct common) + e->helper_count * sizeof(uint64_t));
	if (!e->common_block)
		return ST_TOO_BIG;
	e->common = e->common_block->host;
	for (uint32_t i = 0; i < e->helper_count; i++)
		if (!e->helpers[i].js)
			e->helpers[i].common = e->helpers[i].has_policy = true;
	e->policies_missing = 0;
	return ST_OK;
}

/* Takes the helpers that are modelled here, instead of those before: rows of helper, model, and where what it calls returns. */
int helpers_model(struct engine *e, const uint32_t *rows, size_t count)
{
	if (count > MAX_MODELS || (count && !e->common))
		return ST_BAD_ARGUMENT;
	for (size_t i = 0; i < count; i++)
		if (rows[3 * i] >= e->helper_count || rows[3 * i + 1] >= MODELS || rows[3 * i + 2] >= e->helper_count)
			return ST_BAD_ARGUMENT;
	for (int i = 0; i < e->model_count; i++)
		e->helper_by_index[e->modelled[i]]->model = MODEL_NONE;
	e->model_count = (int)count;
	e->loop_return = UINT32_MAX;
	for (size_t i = 0; i < count; i++, rows += 3) {
		e->modelled[i] = rows[0];
		struct helper *helper = e->helper_by_index[rows[0]];
		helper->model = rows[1];
		helper->stub = e->helper_by_index[rows[2]]->address;
		if (helper->model == MODEL_LOOP)
			e->loop_return = rows[2];
	}
	return ST_OK;
}

/* The ranges that hooks must cover to see every helper. */
int helpers_ranges(const struct engine *e, struct ranges *ranges)
{
	for (uint32_t i = 0, from = 0; i < e->helper_count; i++) {
		uint64_t address = e->helpers[i].address;
		if (i + 1 < e->helper_count && e->helpers[i + 1].address - address <= HELPER_GAP)
			continue;
		int status = ranges_add(ranges, e->helpers[from].address, address);
		if (status)
			return status;
		from = i + 1;
	}
	return ST_OK;
}

struct helper *helpers_find(const struct engine *e, uint64_t address)
{
	uint32_t lo = 0, hi = e->helper_count;
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		if (e->helpers[mid].address < address)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < e->helper_count && e->helpers[lo].address == address ? &e->helpers[lo] : NULL;
}

/*
 * Junk downwards from @rsp, as a callee's frames would leave it; stops at memory that a callee could not write. Word by
 * word, since a stack pointer of a broken program may be anything; a page is looked up once.
 */
void destroy_below(const struct engine *e, uint64_t rsp, uint64_t bytes, uint64_t seed)
{
	uint8_t *page = NULL;
	uint64_t page_address = 0;
	for (uint64_t done = 8; done <= bytes; done += 8) {
		uint64_t address = rsp - done, junk = mix(seed + address);
		bool within = address % PAGE <= PAGE - sizeof(junk);
		if (within && (!page || address - address % PAGE != page_address)) {
			page_address = address - address % PAGE;
			page = memory_at(e, page_address, GUEST_W);
		}
		if (within && page)
			memcpy(page + address % PAGE, &junk, sizeof(junk));
		else if (within || !memory_write(e, address, &junk, sizeof(junk), GUEST_W))
			return;
	}
}

/* Pops the return address as `ret` would. On a fault the run ends with it, and the result is false. */
bool pop_return(struct engine *e, uint64_t *rsp, uint64_t *target)
{
	if (!memory_read(e, *rsp, target, sizeof(*target), GUEST_R)) {
		struct state *state = e->state;
		state->address = *rsp;
		state->size = sizeof(*target);
		state->access = UC_MEM_READ - UC_MEM_READ;
		state->protected = memory_allows(e, *rsp, sizeof(*target), 0);
		halt(e, RUN_FAULT);
		return false;
	}
	*rsp += sizeof(*target);
	return true;
}

/*
 * What any helper may do to its caller: all caller-saved registers are destroyed, the stack below rsp too, and rax
 * holds the result. Then it returns: *target is where to; rip is not written here. False when the return faults.
 */
bool helper_model(struct engine *e, const struct helper *helper, uint64_t *target)
{
	const struct library *lib = e->lib;
	uint64_t rsp = 0;
	lib->reg_read(e->uc, UC_X86_REG_RSP, &rsp);
	if (!pop_return(e, &rsp, target))
		return false;

	int ids[POISONED + 3];
	void *values[POISONED + 3];
	memcpy(ids, poisoned, sizeof(poisoned));
	const struct common *common = helper->common ? e->common : NULL;
	const uint64_t *poison = common ? common->poison : helper->poison;
	for (int i = 0; i < POISONED; i++)
		values[i] = (void *)&poison[i];
	ids[POISONED] = UC_X86_REG_RAX, values[POISONED] = (void *)(common ? &common->ret[helper->index] : &helper->ret);
	ids[POISONED + 1] = UC_X86_REG_RSP, values[POISONED + 1] = &rsp;
	ids[POISONED + 2] = UC_X86_REG_RFLAGS, values[POISONED + 2] = (void *)&helper->rflags;
	lib->reg_write_batch(e->uc, ids, values, POISONED + 2 + helper->has_rflags);
	destroy_below(e, rsp, common ? common->below : helper->below, common ? common->junk : helper->junk);
	return true;
}
