#include "engine.h"

#include <stdlib.h>

int ranges_add(struct ranges *ranges, uint64_t lo, uint64_t hi)
{
	/* Unicorn takes begin > end for "everywhere". */
	if (lo > hi)
		return ST_BAD_ARGUMENT;
	if (ranges->count == MAX_RANGES)
		return ST_TOO_BIG;
	ranges->at[ranges->count++] = (struct range){ lo, hi };
	return ST_OK;
}

static int by_lo(const void *a, const void *b)
{
	uint64_t x = ((const struct range *)a)->lo, y = ((const struct range *)b)->lo;
	return (x > y) - (x < y);
}

/* Sorts, and joins what overlaps or touches, so that no address is hooked twice. */
void ranges_merge(struct ranges *ranges)
{
	if (!ranges->count)
		return;
	qsort(ranges->at, (size_t)ranges->count, sizeof(ranges->at[0]), by_lo);
	int last = 0;
	for (int i = 1; i < ranges->count; i++) {
		struct range *open = &ranges->at[last], *next = &ranges->at[i];
		if (open->hi == UINT64_MAX || next->lo <= open->hi + 1)
			open->hi = next->hi > open->hi ? next->hi : open->hi;
		else
			ranges->at[++last] = *next;
	}
	ranges->count = last + 1;
}

/* Whether one range holds all of lo to hi. */
bool ranges_contain(const struct ranges *ranges, uint64_t lo, uint64_t hi)
{
	for (int i = 0; i < ranges->count; i++)
		if (ranges->at[i].lo <= lo && hi <= ranges->at[i].hi)
			return true;
	return false;
}

/* Whether any range has a byte of lo to hi. */
bool ranges_touch(const struct ranges *ranges, uint64_t lo, uint64_t hi)
{
	for (int i = 0; i < ranges->count; i++)
		if (ranges->at[i].lo <= hi && lo <= ranges->at[i].hi)
			return true;
	return false;
}

/* Lets each range begin @bytes earlier. */
void ranges_widen(struct ranges *ranges, uint64_t bytes)
{
	for (int i = 0; i < ranges->count; i++)
		ranges->at[i].lo -= ranges->at[i].lo < bytes ? ranges->at[i].lo : bytes;
}
