#include "engine.h"

#include <stdlib.h>
#include <string.h>

/* Index of the first mapping that ends at or after @address. */
static int first_at(const struct engine *e, uint64_t address)
{
	int lo = 0, hi = e->mapping_count;
	while (lo < hi) {
		int mid = (lo + hi) / 2;
		if (e->mappings[mid].last < address)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static const struct mapping *mapping_of(const struct engine *e, uint64_t address)
{
	int i = first_at(e, address);
	return i < e->mapping_count && e->mappings[i].address <= address ? &e->mappings[i] : NULL;
}

static int check_pages(uint64_t address, uint64_t size, uint32_t prot)
{
	if (!size || address % PAGE || size % PAGE || prot > GUEST_RWX)
		return ST_BAD_ARGUMENT;
	return address + (size - 1) < address ? ST_BAD_ARGUMENT : ST_OK;
}

/* Maps zeroed memory. The block stays the engine's; the caller may share it with block_share(). */
int memory_map(struct engine *e, uint64_t address, uint64_t size, uint32_t prot, struct block **out)
{
	int status = check_pages(address, size, prot);
	if (status)
		return status;
	uint64_t last = address + (size - 1);
	int i = first_at(e, address);
	if (i < e->mapping_count && e->mappings[i].address <= last)
		return ST_OVERLAP;
	if (size > MAX_MAPPED - e->mapped || e->region_count == MAX_REGIONS)
		return ST_TOO_BIG;

	struct mapping *grown = realloc(e->mappings, (size_t)(e->mapping_count + 1) * sizeof(*grown));
	if (!grown)
		return ST_TOO_BIG;
	e->mappings = grown;
	struct mapping mapping = { .address = address, .last = last, .block = block_new(size), .pages = malloc(size / PAGE) };
	if (!mapping.block || !mapping.pages)
		status = ST_TOO_BIG;
	else
		status = e->lib->mem_map_ptr(e->uc, address, size, prot, mapping.block->host);
	if (status) {
		block_release(NULL, mapping.block, false);
		free(mapping.pages);
		return status;
	}
	memset(mapping.pages, (int)prot, size / PAGE);
	mapping.pages[0] |= REGION_BEGINS;
	memmove(&grown[i + 1], &grown[i], (size_t)(e->mapping_count - i) * sizeof(*grown));
	grown[i] = mapping;
	e->mapping_count++;
	e->region_count++;
	e->mapped += size;
	*out = mapping.block;
	return ST_OK;
}

/* Regions that a change of @count pages from page @first of a mapping adds: it begins one, and one begins after it. */
static int new_regions(const struct mapping *m, uint64_t first, uint64_t count)
{
	uint64_t pages = (m->last - m->address) / PAGE + 1;
	bool after = first + count < pages;
	return !(m->pages[first] & REGION_BEGINS) + (after && !(m->pages[first + count] & REGION_BEGINS));
}

static int protect_part(struct engine *e, const struct mapping *m, uint64_t first, uint64_t count, uint32_t prot)
{
	int added = new_regions(m, first, count);
	if (e->region_count + added > MAX_REGIONS)
		return ST_TOO_BIG;
	int err = e->lib->mem_protect(e->uc, m->address + first * PAGE, count * PAGE, prot);
	if (err)
		return err;
	e->region_count += added;
	for (uint64_t i = first; i < first + count; i++)
		m->pages[i] = (uint8_t)((m->pages[i] & REGION_BEGINS) | prot);
	m->pages[first] |= REGION_BEGINS;
	if (first + count <= (m->last - m->address) / PAGE)
		m->pages[first + count] |= REGION_BEGINS;
	return ST_OK;
}

/* Changes the protection of pages that are all mapped, possibly by several mappings. */
int memory_protect(struct engine *e, uint64_t address, uint64_t size, uint32_t prot)
{
	int status = check_pages(address, size, prot);
	if (status)
		return status;
	if (!memory_allows(e, address, size, 0))
		return ST_BAD_ARGUMENT;
	for (uint64_t done = 0; done < size;) {
		const struct mapping *m = mapping_of(e, address + done);
		uint64_t first = (address + done - m->address) / PAGE;
		uint64_t rest = (m->last - m->address) / PAGE + 1 - first, wanted = (size - done) / PAGE;
		uint64_t count = rest < wanted ? rest : wanted;
		status = protect_part(e, m, first, count, prot);
		if (status)
			return status;
		done += count * PAGE;
	}
	return ST_OK;
}

/* The host's view of one guest byte, or NULL where it is not mapped or its page lacks a bit of @need. */
uint8_t *memory_at(const struct engine *e, uint64_t address, uint32_t need)
{
	const struct mapping *m = mapping_of(e, address);
	if (!m || (m->pages[(address - m->address) / PAGE] & need) != need)
		return NULL;
	return (uint8_t *)m->block->host + (address - m->address);
}

/* Bytes from @address to the end of its page, at most @size. Mappings are contiguous in the host within a page. */
static uint64_t within_page(uint64_t address, uint64_t size)
{
	uint64_t rest = PAGE - address % PAGE;
	return rest < size ? rest : size;
}

bool memory_allows(const struct engine *e, uint64_t address, uint64_t size, uint32_t need)
{
	if (size && address + (size - 1) < address)
		return false;
	for (uint64_t done = 0; done < size; done += within_page(address + done, size - done))
		if (!memory_at(e, address + done, need))
			return false;
	return true;
}

/* All or nothing. */
bool memory_read(const struct engine *e, uint64_t address, void *to, uint64_t size, uint32_t need)
{
	if (!memory_allows(e, address, size, need))
		return false;
	for (uint64_t done = 0, part; done < size; done += part) {
		part = within_page(address + done, size - done);
		memcpy((uint8_t *)to + done, memory_at(e, address + done, need), part);
	}
	return true;
}

/* All or nothing. Code that was translated before stays as it was until invalidate(). */
bool memory_write(const struct engine *e, uint64_t address, const void *from, uint64_t size, uint32_t need)
{
	if (!memory_allows(e, address, size, need))
		return false;
	for (uint64_t done = 0, part; done < size; done += part) {
		part = within_page(address + done, size - done);
		memcpy(memory_at(e, address + done, need), (const uint8_t *)from + done, part);
	}
	return true;
}

/* After uc_close(), which still knows the host addresses. */
void memory_free(napi_env env, struct engine *e, bool revoke)
{
	for (int i = 0; i < e->mapping_count; i++) {
		block_release(env, e->mappings[i].block, revoke);
		free(e->mappings[i].pages);
	}
	free(e->mappings);
	e->mappings = NULL;
	e->mapping_count = 0;
	e->mapped = 0;
}
