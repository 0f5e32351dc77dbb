#include "engine.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

#ifndef MAP_NORESERVE
#define MAP_NORESERVE 0
#endif

/* The library's buffer for translated code: 2.0 reserves this much, 2.1 what it is told. */
static const size_t code_buffer_2_0 = (size_t)1 << 30;
static const uint32_t code_buffer_2_1 = 64u << 20;

/* What the garbage collector should count an engine as: about what the library allocates for one, in bytes. */
static const int64_t engine_weight = 1 << 20;

/* Opening initialises parts of the library that threads share. */
static pthread_mutex_t open_lock = PTHREAD_MUTEX_INITIALIZER;
static int open_engines;

/* The library ends the process when it cannot reserve its buffer, so ask first. */
static bool can_reserve(size_t size)
{
	void *probe = mmap(NULL, size, PROT_READ | PROT_WRITE | PROT_EXEC,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (probe == MAP_FAILED)
		return false;
	munmap(probe, size);
	return true;
}

/* 2.1 must be told to leave addresses as they are: without it nothing at or above 2^52 is reachable. */
static int set_up(const struct library *lib, uc_engine *uc)
{
	int err = lib->ctl(uc, UC_CTL_WRITE(UC_CTL_CPU_MODEL, 1), UC_CPU_X86_HASWELL);
	if (err)
		return err;
	if (lib->packed_version >= VERSION(2, 1)) {
		err = lib->ctl(uc, UC_CTL_WRITE(UC_CTL_TCG_BUFFER_SIZE, 1), code_buffer_2_1);
		if (!err)
			err = lib->ctl(uc, UC_CTL_WRITE(UC_CTL_TLB_TYPE, 1), UC_TLB_VIRTUAL);
	}
	/* The first use of a register makes the library initialise the processor, still under the lock. */
	uint64_t rip;
	return err ? err : lib->reg_read(uc, UC_X86_REG_RIP, &rip);
}

static int open_locked(const struct library *lib, uc_engine **uc)
{
	if (open_engines == MAX_ENGINES ||
	    !can_reserve(lib->packed_version >= VERSION(2, 1) ? code_buffer_2_1 : code_buffer_2_0))
		return ST_TOO_BIG;
	int err = lib->open(UC_ARCH_X86, UC_MODE_64, uc);
	if (err)
		return err;
	err = set_up(lib, *uc);
	if (err)
		lib->close(*uc);
	else
		open_engines++;
	return err;
}

static void weigh(napi_env env, int64_t bytes)
{
	int64_t total;
	napi_adjust_external_memory(env, bytes, &total);
}

int engine_open(napi_env env, const struct library *lib, struct engine **out)
{
	struct engine *e = calloc(1, sizeof(*e));
	if (!e)
		return ST_TOO_BIG;
	e->lib = lib;
	e->loop_return = UINT32_MAX;
	pthread_mutex_lock(&open_lock);
	int status = open_locked(lib, &e->uc);
	pthread_mutex_unlock(&open_lock);
	if (status) {
		free(e);
		return status;
	}
	weigh(env, engine_weight);
	*out = e;
	return ST_OK;
}

/* Freezes the hooks and the stop address, and saves the pristine processor that every run starts from. */
int engine_seal(struct engine *e, uint64_t stop)
{
	int status = hooks_install(e);
	if (!status)
		status = e->lib->context_alloc(e->uc, &e->pristine);
	if (!status)
		status = e->lib->context_save(e->uc, e->pristine);
	if (status)
		return status;
	e->stop = stop;
	e->sealed = true;
	return ST_OK;
}

/*
 * Gives everything back but the struct itself, which the handle still names. With @revoke the arrays that share memory
 * become empty; without, as for an engine that is garbage, they stay good. Closing twice is harmless.
 */
void engine_close(napi_env env, struct engine *e, bool revoke)
{
	/* A process that exits from within a callback: the library is still on the stack, and the memory goes anyway. */
	if (!e->uc || e->running)
		return;
	if (e->pristine)
		e->lib->context_free(e->pristine);
	e->pristine = NULL;
	pthread_mutex_lock(&open_lock);
	e->lib->close(e->uc);
	open_engines--;
	pthread_mutex_unlock(&open_lock);
	e->uc = NULL;
	weigh(env, -engine_weight);

	memory_free(env, e, revoke);
	block_release(env, e->state_block, revoke);
	block_release(env, e->events_block, revoke);
	if (e->common_block)
		block_release(env, e->common_block, revoke);
	e->state_block = e->events_block = e->common_block = NULL;
	e->common = NULL;
	e->state = NULL;
	e->events = NULL;
	free(e->helpers);
	free(e->helper_by_index);
	free(e->entries);
	e->entries = NULL;
	e->helpers = NULL;
	e->helper_by_index = NULL;
}

void engine_free(napi_env env, struct engine *e)
{
	engine_close(env, e, false);
	if (!e->running)
		free(e);
}
