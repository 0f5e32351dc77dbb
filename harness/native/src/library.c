#define _GNU_SOURCE
#include "library.h"

#include <dlfcn.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_LIBRARIES = 16 };

/* The one table that all threads share. Entries are never changed or freed once they are counted. */
static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;
static struct library *table[MAX_LIBRARIES];
static int table_count;

static const struct {
	const char *symbol;
	size_t offset;
} functions[] = {
	{ "uc_version", offsetof(struct library, version) },
	{ "uc_strerror", offsetof(struct library, strerror) },
	{ "uc_open", offsetof(struct library, open) },
	{ "uc_close", offsetof(struct library, close) },
	{ "uc_ctl", offsetof(struct library, ctl) },
	{ "uc_reg_read", offsetof(struct library, reg_read) },
	{ "uc_reg_write", offsetof(struct library, reg_write) },
	{ "uc_reg_read_batch", offsetof(struct library, reg_read_batch) },
	{ "uc_reg_write_batch", offsetof(struct library, reg_write_batch) },
	{ "uc_mem_map_ptr", offsetof(struct library, mem_map_ptr) },
	{ "uc_mem_protect", offsetof(struct library, mem_protect) },
	{ "uc_emu_start", offsetof(struct library, emu_start) },
	{ "uc_emu_stop", offsetof(struct library, emu_stop) },
	{ "uc_hook_add", offsetof(struct library, hook_add) },
	{ "uc_context_alloc", offsetof(struct library, context_alloc) },
	{ "uc_context_save", offsetof(struct library, context_save) },
	{ "uc_context_restore", offsetof(struct library, context_restore) },
	{ "uc_context_free", offsetof(struct library, context_free) },
};

static bool bind_functions(struct library *lib, char *reason, size_t reason_size)
{
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		void *address = dlsym(lib->handle, functions[i].symbol);
		if (!address) {
			snprintf(reason, reason_size, "it has no function %s", functions[i].symbol);
			return false;
		}
		memcpy((char *)lib + functions[i].offset, &address, sizeof(address));
	}
	unsigned major = 0, minor = 0;
	lib->packed_version = lib->version(&major, &minor);
	if (major != 2) {
		snprintf(reason, reason_size, "it is version %u.%u, and 2.x is needed", major, minor);
		return false;
	}
	return true;
}

static char *file_of(const struct library *lib)
{
	Dl_info info;
	void *address;
	memcpy(&address, &lib->version, sizeof(address));
	return strdup(dladdr(address, &info) && info.dli_fname ? info.dli_fname : lib->name);
}

static struct library *load(const char *name, char *reason, size_t reason_size)
{
	struct library *lib = calloc(1, sizeof(*lib));
	if (!lib) {
		snprintf(reason, reason_size, "out of memory");
		return NULL;
	}
	lib->handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);
	if (!lib->handle) {
		snprintf(reason, reason_size, "%s", dlerror());
		free(lib);
		return NULL;
	}
	lib->name = strdup(name);
	if (!lib->name || !bind_functions(lib, reason, reason_size) || !(lib->path = file_of(lib))) {
		dlclose(lib->handle);
		free(lib->name);
		free(lib);
		return NULL;
	}
	return lib;
}

/*
 * Each engine takes and frees half a megabyte of heap in one piece, which glibc by default soon serves from the heap
 * proper. Small objects of Node that live a little longer then split the free pieces, and a loop that opens and closes
 * engines grows the heap by all of it each time. With a fixed threshold such pieces are mapped and returned.
 */
static void keep_heap_whole(void)
{
#ifdef __GLIBC__
	mallopt(M_MMAP_THRESHOLD, 128 << 10);
#endif
}

static int find_or_load(const char *name, char *reason, size_t reason_size)
{
	for (int i = 0; i < table_count; i++)
		if (strcmp(table[i]->name, name) == 0)
			return i;
	if (table_count == MAX_LIBRARIES) {
		snprintf(reason, reason_size, "%d libraries are loaded already", MAX_LIBRARIES);
		return -1;
	}
	struct library *lib = load(name, reason, reason_size);
	if (!lib)
		return -1;
	keep_heap_whole();
	table[table_count] = lib;
	return table_count++;
}

int library_load(const char *name, char *reason, size_t reason_size)
{
	reason[0] = '\0';
	pthread_mutex_lock(&table_lock);
	int number = find_or_load(name, reason, reason_size);
	pthread_mutex_unlock(&table_lock);
	return number;
}

const struct library *library_get(int number)
{
	pthread_mutex_lock(&table_lock);
	const struct library *lib = number >= 0 && number < table_count ? table[number] : NULL;
	pthread_mutex_unlock(&table_lock);
	return lib;
}
