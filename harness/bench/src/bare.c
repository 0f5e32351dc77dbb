/*
 * The bare loop: what running a program in libunicorn costs when nothing else is done. Fresh code is written over the old
 * and invalidated; for each input memory and processor are restored, the program runs, registers are compared. Programs,
 * memory and results come from a file (format: ../case-file.ts); no generation, no compiler, no interpreter, no checks.
 *
 * Usage: bare LIBRARY FILE. Prints one line of JSON; wrong counts runs that did not end as the file says.
 */
#include "bare.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const uint64_t block_budget = 400000;

static const struct library *lib;
static uc_engine *uc;
static uc_context *pristine;
static struct cases all;

/* Of the run. */
static const struct input *running;
static uint64_t blocks_left, next_exchange;
static uint32_t called[MAX_CALLS], call_count;
static bool bad;

_Noreturn void fail(const char *what)
{
	fprintf(stderr, "bare loop: %s\n", what);
	exit(2);
}

void must(int err, const char *what)
{
	if (err)
		fail(what);
}

static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

static void on_block(uc_engine *engine, uint64_t address, uint32_t size, void *user)
{
	(void)address, (void)size, (void)user;
	if (blocks_left-- == 0) {
		bad = true;
		lib->emu_stop(engine);
	}
}

static bool on_invalid(uc_engine *engine, int type, uint64_t address, int size, int64_t value, void *user)
{
	(void)engine, (void)type, (void)address, (void)size, (void)value, (void)user;
	bad = true;
	return false;
}

static void on_interrupt(uc_engine *engine, uint32_t vector, void *user)
{
	(void)vector, (void)user;
	bad = true;
	lib->emu_stop(engine);
}

static int register_ids[REGS] = {
	UC_X86_REG_RAX,    UC_X86_REG_RCX,    UC_X86_REG_RDX,    UC_X86_REG_RBX,    UC_X86_REG_RSP,    UC_X86_REG_RBP,
	UC_X86_REG_RSI,    UC_X86_REG_RDI,    UC_X86_REG_R8,     UC_X86_REG_R8 + 1, UC_X86_REG_R8 + 2, UC_X86_REG_R8 + 3,
	UC_X86_REG_R8 + 4, UC_X86_REG_R8 + 5, UC_X86_REG_R8 + 6, UC_X86_REG_R8 + 7, UC_X86_REG_RFLAGS, UC_X86_REG_GS_BASE,
};

/* rcx rdx rsi rdi r8 to r11, rax, rsp. */
static int returned_ids[POISONED + 2] = {
	UC_X86_REG_RCX,    UC_X86_REG_RDX,    UC_X86_REG_RSI,    UC_X86_REG_RDI, UC_X86_REG_R8,
	UC_X86_REG_R8 + 1, UC_X86_REG_R8 + 2, UC_X86_REG_R8 + 3, UC_X86_REG_RAX, UC_X86_REG_RSP,
};

static void write_registers(int *ids, const uint64_t *values, int count)
{
	void *pointers[REGS];
	for (int i = 0; i < count; i++)
		pointers[i] = (void *)&values[i];
	lib->reg_write_batch(uc, ids, pointers, count);
}

/* A helper that destroys what it may, and returns. */
static void plain_helper(uint64_t index)
{
	uint64_t rsp = 0, values[POISONED + 2];
	lib->reg_read(uc, UC_X86_REG_RSP, &rsp);
	const struct cpu *cpu = running->cpu;
	if (rsp - cpu->stack > (uint64_t)(cpu->top - cpu->used) + 0x10000) {
		bad = true;
		lib->emu_stop(uc);
		return;
	}
	uint8_t *host = cpu->top - (cpu->entry_rsp - rsp);
	uint64_t target;
	memcpy(&target, host, sizeof(target));
	rsp += 8;
	for (uint64_t done = 8; done <= running->below; done += 8) {
		uint64_t word = mix(running->seed + rsp - done);
		memcpy(host + 8 - done, &word, sizeof(word));
	}
	memcpy(values, running->poison, POISONED * sizeof(values[0]));
	values[POISONED] = running->returns[index];
	values[POISONED + 1] = rsp;
	write_registers(returned_ids, values, POISONED + 2);
	lib->reg_write(uc, UC_X86_REG_RIP, &target);
}

/* A helper that calls back, or throws: what it did when the file was written. */
static void other_helper(void)
{
	if (next_exchange == running->exchange_count) {
		bad = true;
		lib->emu_stop(uc);
		return;
	}
	const struct exchange *e = &running->exchanges[next_exchange++];
	for (uint64_t i = 0; i < e->patch_count; i++)
		memcpy(e->patches[i].to, e->patches[i].from, e->patches[i].size);
	write_registers(register_ids, e->regs, GPRS + 1);
	lib->reg_write(uc, UC_X86_REG_RIP, &e->rip);
}

static void on_code(uc_engine *engine, uint64_t address, uint32_t size, void *user)
{
	(void)engine, (void)size, (void)user;
	uint64_t index = (address - all.helpers) / all.stride;
	if (call_count < MAX_CALLS)
		called[call_count++] = (uint32_t)index;
	if (index < all.plain)
		plain_helper(index);
	else
		other_helper();
}

static void add_hook(int type, void *callback, uint64_t lo, uint64_t hi)
{
	uc_hook hook;
	must(lib->hook_add(uc, &hook, type, callback, NULL, lo, hi), "a hook is refused");
}

static void open_engine(const char *name)
{
	char reason[512];
	lib = library_get(library_load(name, reason, sizeof(reason)));
	if (!lib)
		fail(reason);
	must(lib->open(UC_ARCH_X86, UC_MODE_64, &uc), "no engine");
	must(lib->ctl(uc, UC_CTL_WRITE(UC_CTL_CPU_MODEL, 1), UC_CPU_X86_HASWELL), "no such processor");
	if (lib->packed_version >= VERSION(2, 1)) {
		must(lib->ctl(uc, UC_CTL_WRITE(UC_CTL_TCG_BUFFER_SIZE, 1), 64u << 20), "no buffer of that size");
		must(lib->ctl(uc, UC_CTL_WRITE(UC_CTL_TLB_TYPE, 1), UC_TLB_VIRTUAL), "no virtual TLB");
	}
}

static void seal(void)
{
	add_hook(UC_HOOK_BLOCK, (void *)on_block, 0, UINT64_MAX);
	add_hook(UC_HOOK_INTR, (void *)on_interrupt, 0, UINT64_MAX);
	add_hook(UC_HOOK_MEM_INVALID, (void *)on_invalid, 0, UINT64_MAX);
	add_hook(UC_HOOK_CODE, (void *)on_code, all.helpers, all.helpers + all.helper_bytes - 1);
	must(lib->context_alloc(uc, &pristine), "no context");
	must(lib->context_save(uc, pristine), "no context");
}

static bool run(const struct program *p, const struct input *in)
{
	/* Memory, then the processor. */
	memcpy(in->cpu->used, in->junk, all.stack_used);
	memcpy(in->cpu->top, &all.stop, sizeof(all.stop));
	for (uint64_t i = 0; i < all.cpu_count; i++)
		memcpy(all.cpus[i].area, in->junk + 8, p->area_size);
	for (uint64_t i = 0; i < p->guard_count; i++)
		memcpy(p->guards[i], &all.guard, sizeof(all.guard));
	memcpy(all.context, in->context, all.context_size);
	running = in;
	blocks_left = block_budget;
	next_exchange = call_count = 0;
	bad = false;
	lib->context_restore(uc, pristine);
	write_registers(register_ids, in->regs, REGS);

	int err = lib->emu_start(uc, p->entry, all.stop, 0, 0);

	uint64_t regs[GPRS + 1];
	void *pointers[GPRS + 1];
	int ids[GPRS + 1];
	memcpy(ids, register_ids, sizeof(ids));
	ids[GPRS] = UC_X86_REG_RIP;
	for (int i = 0; i <= GPRS; i++)
		pointers[i] = &regs[i];
	lib->reg_read_batch(uc, ids, pointers, GPRS + 1);
	/* rax, and what is preserved: rbx, rsp (one return address less), rbp, r12 to r15. */
	static const int compared[] = { RAX, 3, RSP, 5, 12, 13, 14, 15 };
	for (size_t i = 0; i < sizeof(compared) / sizeof(compared[0]); i++)
		bad |= regs[compared[i]] != in->want[compared[i]];
	return !err && !bad && regs[GPRS] == all.stop;
}

static uint64_t now(clockid_t clock)
{
	struct timespec time;
	clock_gettime(clock, &time);
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

int main(int argc, char **argv)
{
	if (argc != 3)
		fail("expected the library and a file");
	open_engine(argv[1]);
	read_cases(&all, argv[2], lib, uc);
	seal();
	uint64_t used = 0, runs = 0, wrong = 0;
	uint64_t wall = now(CLOCK_MONOTONIC), cpu = now(CLOCK_PROCESS_CPUTIME_ID);
	for (uint64_t i = 0; i < all.program_count; i++) {
		const struct program *p = &all.programs[i];
		memcpy(all.code, p->code, p->code_size);
		uint64_t size = p->code_size > used ? p->code_size : used;
		lib->context_restore(uc, pristine);
		must(lib->ctl(uc, UC_CTL_WRITE(UC_CTL_TB_REMOVE_CACHE, 2), all.image, all.image + size), "code is not forgotten");
		used = p->code_size;
		for (uint64_t k = 0; k < p->input_count; k++, runs++)
			wrong += !run(p, &p->inputs[k]);
	}
	cpu = now(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	wall = now(CLOCK_MONOTONIC) - wall;
	printf("{\"programs\":%llu,\"runs\":%llu,\"wrong\":%llu,\"wall\":%llu,\"cpu\":%llu}\n",
	       (unsigned long long)all.program_count, (unsigned long long)runs, (unsigned long long)wrong,
	       (unsigned long long)wall, (unsigned long long)cpu);
	return 0;
}
