#include "engine.h"

#include <stdlib.h>
#include <string.h>

/*
 * The exception table: instructions that may fault, what then happens to a register, and where execution goes on. It is
 * what Linux does in fixup_exception() and ex_handler_bpf(): the fault itself leaves no trace in what the program sees.
 */

enum { WORDS = 3 };
#define NO_REGISTER UINT64_MAX

/* At most so many hooks are spent on entries outside of traced code: each costs all the others a little. */
enum { ENTRY_HOOKS = 16 };

static int by_insn(const void *a, const void *b)
{
	uint64_t x = ((const struct entry *)a)->insn, y = ((const struct entry *)b)->insn;
	return (x > y) - (x < y);
}

static bool entry_is_sound(const struct entry *entry)
{
	return entry->resume > entry->insn && (entry->zero == NO_REGISTER || entry->zero < GPRS);
}

/* Takes the table, once: instruction, where to go on, number of the register to clear or all ones, for each entry. */
int extable_set(struct engine *e, const uint64_t *words, size_t count)
{
	if (e->entries || !count || count % WORDS || count / WORDS > INT32_MAX)
		return ST_BAD_ARGUMENT;
	struct entry *entries = calloc(count / WORDS, sizeof(*entries));
	if (!entries)
		return ST_TOO_BIG;
	count /= WORDS;
	for (size_t i = 0; i < count; i++, words += WORDS)
		entries[i] = (struct entry){ .insn = words[0], .resume = words[1], .zero = words[2] };
	qsort(entries, count, sizeof(*entries), by_insn);
	for (size_t i = 0; i < count; i++) {
		if (!entry_is_sound(&entries[i]) || (i && entries[i].insn < entries[i - 1].resume)) {
			free(entries);
			return ST_BAD_ARGUMENT;
		}
	}
	e->entries = entries;
	e->entry_count = (int)count;
	return ST_OK;
}

static const struct entry *find(const struct engine *e, uint64_t insn)
{
	int lo = 0, hi = e->entry_count;
	while (lo < hi) {
		int mid = lo + (hi - lo) / 2;
		if (e->entries[mid].insn < insn)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < e->entry_count && e->entries[lo].insn == insn ? &e->entries[lo] : NULL;
}

/* Groups entries that are at most @gap bytes apart. Adds their ranges unless NULL; returns how many, or a status. */
static int group(const struct engine *e, uint64_t gap, struct ranges *ranges)
{
	int groups = 0;
	for (int i = 0; i < e->entry_count;) {
		uint64_t lo = e->entries[i].insn, hi = e->entries[i].resume;
		if (ranges_contain(&e->traced, lo, hi)) {
			i++;
			continue;
		}
		while (++i < e->entry_count && e->entries[i].insn - hi <= gap)
			hi = e->entries[i].resume;
		groups++;
		int status = ranges ? ranges_add(ranges, lo, hi) : ST_OK;
		if (status)
			return status;
	}
	return groups;
}

/*
 * The ranges that hooks must cover so that it is known which entry's instruction runs: itself, and the next one, which
 * ends it. Traced code is hooked anyway.
 */
int extable_ranges(const struct engine *e, struct ranges *ranges)
{
	uint64_t gap = 0;
	while (group(e, gap, NULL) > ENTRY_HOOKS)
		gap = gap * 4 + 16;
	int groups = group(e, gap, ranges);
	return groups < 0 ? groups : ST_OK;
}

/* Whether an entry leaves all registers alone: a store, or an atomic that also stores. */
bool extable_has_stores(const struct engine *e)
{
	for (int i = 0; i < e->entry_count; i++)
		if (e->entries[i].zero == NO_REGISTER)
			return true;
	return false;
}

/* The instruction at @address is about to run. */
void extable_begin(struct engine *e, uint64_t address)
{
	e->entry = find(e, address);
	e->entry_events = e->state->events;
	e->undo_count = 0;
}

/*
 * A store of the entry's instruction is about to be made. Over the edge of a mapping it is made byte by byte, and the
 * first ones are there before the fault; a real processor stores all or nothing.
 */
void extable_note_store(struct engine *e, uint64_t address, uint32_t size)
{
	for (uint32_t i = 0; i < size && e->undo_count < UNDO_BYTES; i++) {
		const uint8_t *at = memory_at(e, address + i, GUEST_W);
		if (at)
			e->undo[e->undo_count++] = (struct undo){ .address = address + i, .old = *at };
	}
}

static void mark_events(struct engine *e)
{
	uint64_t end = e->state->events, first = e->entry_events;
	if (end - first > e->event_capacity)
		first = end - e->event_capacity;
	for (uint64_t i = first; i < end; i++)
		e->events[EVENT_WORDS * (i % e->event_capacity)] |= EVENT_SKIPPED;
}

/*
 * A data access has just faulted. When it was an entry's instruction that made it: what it stored is undone, its
 * accesses are marked, its register is cleared, and *resume is where to go on. Otherwise false.
 */
bool extable_handle(struct engine *e, uint64_t *resume)
{
	const struct entry *entry = e->entry;
	if (!entry)
		return false;
	e->entry = NULL;
	while (e->undo_count) {
		const struct undo *undo = &e->undo[--e->undo_count];
		*memory_at(e, undo->address, GUEST_W) = undo->old;
	}
	mark_events(e);
	if (entry->zero != NO_REGISTER)
		cpu_clear(e, (int)entry->zero);
	*resume = entry->resume;
	return true;
}
