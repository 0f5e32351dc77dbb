#include "engine.h"

#include <stdlib.h>
#include <sys/mman.h>

#ifndef MAP_NORESERVE
#define MAP_NORESERVE 0
#endif

/* Zeroed, page-aligned host memory, held by its engine. NULL when there is none left. */
struct block *block_new(size_t size)
{
	struct block *block = calloc(1, sizeof(*block));
	if (!block)
		return NULL;
	void *host = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (host == MAP_FAILED) {
		free(block);
		return NULL;
	}
	*block = (struct block){ .host = host, .size = size, .holders = 1 };
	return block;
}

static void unmap(struct block *block)
{
	if (block->host)
		munmap(block->host, block->size);
	block->host = NULL;
}

static void let_go(struct block *block)
{
	if (--block->holders > 0)
		return;
	unmap(block);
	free(block);
}

static void buffer_is_gone(napi_env env, void *data, void *hint)
{
	(void)env, (void)data;
	let_go(hint);
}

/* Makes the one ArrayBuffer that shares the block. */
napi_status block_share(napi_env env, struct block *block, napi_value *buffer)
{
	napi_status status =
		napi_create_external_arraybuffer(env, block->host, block->size, buffer_is_gone, block, buffer);
	if (status != napi_ok)
		return status;
	block->holders++;
	return napi_create_reference(env, *buffer, 0, &block->buffer);
}

/*
 * Detaches the ArrayBuffer (its length is 0 from then on), after which nobody can reach the memory. It is unmapped here,
 * because the finalizer waits for the event loop, and a long synchronous campaign never gets there. A buffer that was
 * detached before (transferred) may still be read elsewhere: its memory stays until its finalizer.
 */
static void detach(napi_env env, struct block *block)
{
	napi_value buffer = NULL;
	bool detached = true;
	if (napi_get_reference_value(env, block->buffer, &buffer) == napi_ok && buffer &&
	    napi_is_detached_arraybuffer(env, buffer, &detached) == napi_ok && !detached &&
	    napi_detach_arraybuffer(env, buffer) == napi_ok)
		unmap(block);
}

/* The engine lets go; with @revoke nobody else may keep using the memory. */
void block_release(napi_env env, struct block *block, bool revoke)
{
	if (!block)
		return;
	if (block->buffer) {
		if (revoke)
			detach(env, block);
		napi_delete_reference(env, block->buffer);
		block->buffer = NULL;
	}
	let_go(block);
}
