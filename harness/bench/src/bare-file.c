#include "bare.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static const uint64_t magic = 0x31504f4f4c455241u; /* "ARELOOP1" */

struct region {
	uint64_t address, size;
	uint8_t *host;
};

static const struct library *lib;
static uc_engine *uc;
static struct region regions[MAX_REGIONS];
static int region_count;
static struct cases *cases;
static const uint64_t *at; /* next word of the file */
static const uint8_t *junk;

static void *allocate(uint64_t count, size_t size)
{
	void *memory = calloc(count ? count : 1, size);
	if (!memory)
		fail("out of memory");
	return memory;
}

static uint64_t take(void)
{
	return *at++;
}

static const uint64_t *take_words(uint64_t count)
{
	const uint64_t *words = at;
	at += count;
	return words;
}

static const uint8_t *take_bytes(uint64_t count)
{
	return (const uint8_t *)take_words((count + 7) / 8);
}

static uint8_t *host_of(uint64_t address)
{
	for (int i = 0; i < region_count; i++)
		if (address - regions[i].address < regions[i].size)
			return regions[i].host + (address - regions[i].address);
	fail("an address that is not mapped");
}

static void map(uint64_t address, uint64_t size, uint32_t prot, const uint8_t *bytes)
{
	if (region_count == MAX_REGIONS)
		fail("too many regions");
	uint8_t *host = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (host == MAP_FAILED)
		fail("out of memory");
	memcpy(host, bytes, size);
	must(lib->mem_map_ptr(uc, address, size, prot, host), "memory cannot be mapped");
	regions[region_count++] = (struct region){ address, size, host };
}

static void read_exchange(struct exchange *e)
{
	e->regs = take_words(GPRS + 1);
	e->rip = take();
	e->patch_count = take();
	e->patches = allocate(e->patch_count, sizeof(*e->patches));
	for (uint64_t i = 0; i < e->patch_count; i++) {
		uint8_t *to = host_of(take());
		uint64_t size = take();
		e->patches[i] = (struct patch){ to, take_bytes(size), size };
	}
}

static void read_input(struct input *in)
{
	in->cpu = &cases->cpus[take()];
	in->junk = junk + take();
	in->regs = take_words(REGS);
	in->want = take_words(GPRS);
	in->context = take_bytes(cases->context_size);
	in->poison = take_words(POISONED);
	in->below = take();
	in->seed = take();
	in->returns = take_words(cases->plain);
	in->exchange_count = take();
	in->exchanges = allocate(in->exchange_count, sizeof(*in->exchanges));
	for (uint64_t i = 0; i < in->exchange_count; i++)
		read_exchange(&in->exchanges[i]);
}

static void read_program(struct program *p)
{
	p->entry = take();
	p->code_size = take();
	p->code = take_bytes(p->code_size);
	p->area_size = take();
	p->guard_count = take();
	p->guards = allocate(p->guard_count, sizeof(*p->guards));
	for (uint64_t i = 0; i < p->guard_count; i++)
		p->guards[i] = host_of(take());
	p->input_count = take();
	p->inputs = allocate(p->input_count, sizeof(*p->inputs));
	for (uint64_t i = 0; i < p->input_count; i++)
		read_input(&p->inputs[i]);
}

void read_cases(struct cases *out, const char *path, const struct library *library, uc_engine *engine)
{
	cases = out;
	lib = library;
	uc = engine;
	FILE *file = fopen(path, "rb");
	if (!file || fseek(file, 0, SEEK_END))
		fail("the file cannot be read");
	long size = ftell(file);
	rewind(file);
	uint64_t *words = allocate((uint64_t)size / 8, 8);
	if (fread(words, 1, (size_t)size, file) != (size_t)size)
		fail("the file cannot be read");
	fclose(file);
	at = words;
	if (take() != magic)
		fail("the file is not one of programs");
	cases->stop = take(), cases->image = take();
	cases->helpers = take(), cases->stride = take(), cases->plain = take();
	cases->helper_bytes = take();
	uint64_t context_address = take();
	cases->context_size = take(), cases->stack_used = take(), cases->guard = take();
	uint64_t junk_size = take();
	junk = take_bytes(junk_size);
	for (uint64_t i = take(); i > 0; i--) {
		uint64_t address = take(), bytes = take(), prot = take();
		map(address, bytes, (uint32_t)prot, take_bytes(bytes));
	}
	cases->code = host_of(cases->image);
	cases->context = host_of(context_address);
	cases->cpu_count = take();
	for (uint64_t i = 0; i < cases->cpu_count; i++) {
		cases->cpus[i].stack = take();
		cases->cpus[i].entry_rsp = take();
		cases->cpus[i].top = host_of(cases->cpus[i].entry_rsp);
		cases->cpus[i].used = cases->cpus[i].top - cases->stack_used;
		cases->cpus[i].area = host_of(take());
	}
	cases->program_count = take();
	cases->programs = allocate(cases->program_count, sizeof(*cases->programs));
	for (uint64_t i = 0; i < cases->program_count; i++)
		read_program(&cases->programs[i]);
}

