#include "engine.h"

#include <string.h>

/*
 * The next record of the buffer. When it is full: NULL and the run ends, or the oldest record is overwritten.
 */
static uint64_t *next_record(struct engine *e)
{
	if (e->stop_when_full && e->state->events >= e->event_capacity) {
		halt(e, RUN_EVENTS_FULL);
		return NULL;
	}
	return e->events + EVENT_WORDS * (e->state->events++ % e->event_capacity);
}

/* A record of kind INSN or HELPER: rip, 16 general registers, rflags. They must be in the scratch block already. */
void event_registers(struct engine *e, enum event_kind kind, uint64_t rip, uint32_t index)
{
	uint64_t *record = next_record(e);
	if (!record)
		return;
	record[0] = (uint64_t)kind | (uint64_t)index << 32;
	record[1] = rip;
	memcpy(&record[2], e->scratch, sizeof(e->scratch));
}

/* A record of kind HELPER of which only the index is asked for. */
void event_brief(struct engine *e, uint64_t rip, uint32_t index)
{
	uint64_t *record = next_record(e);
	if (!record)
		return;
	record[0] = (uint64_t)EVENT_HELPER | (uint64_t)index << 32;
	record[1] = rip;
}

/* A record of kind READ or WRITE. Bit 16 tells that the access is about to fault. */
void event_access(struct engine *e, bool write, uint64_t rip, uint64_t address, uint32_t size, uint64_t value)
{
	uint64_t *record = next_record(e);
	if (!record)
		return;
	bool faults = !memory_allows(e, address, size, write ? GUEST_W : GUEST_R);
	record[0] = (uint64_t)(write ? EVENT_WRITE : EVENT_READ) | (uint64_t)(size & 0xff) << 8 |
		    (faults ? EVENT_FAULTS : 0);
	record[1] = rip;
	record[2] = address;
	record[3] = value;
}
