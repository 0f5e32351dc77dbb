/*
 * The functions that TypeScript calls: each reads its arguments, asks the engine, and returns a status number or a
 * value. Only addon.ts knows them.
 */
#include "args.h"

#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static napi_value text(napi_env env, const char *value)
{
	napi_value result = NULL;
	napi_create_string_utf8(env, value, NAPI_AUTO_LENGTH, &result);
	return result;
}

/* The open engine of a handle, or a status: ST_CLOSED, ST_BUSY during a run unless @while_running. */
static int engine_of(napi_env env, napi_value handle, bool while_running, struct engine **out)
{
	void *data = NULL;
	if (napi_get_value_external(env, handle, &data) != napi_ok)
		return ST_BAD_ARGUMENT;
	*out = data;
	if (!(*out)->uc)
		return ST_CLOSED;
	return (*out)->running && !while_running ? ST_BUSY : ST_OK;
}

/* Arguments and engine of a method. @state is what the engine must be in; 0 asks for nothing. */
int method(napi_env env, napi_callback_info info, size_t count, napi_value *args, int state, struct engine **e)
{
	if (!args_get(env, info, count, args))
		return ST_BAD_ARGUMENT;
	int status = engine_of(env, args[0], !(state & IDLE), e);
	if (status)
		return status;
	if ((state & UNSEALED) && (*e)->sealed)
		return ST_SEALED;
	return (state & SEALED) && !(*e)->sealed ? ST_NOT_SEALED : ST_OK;
}

/* loadLibrary(name): { id, path, version }, or the reason why not. */
static napi_value load_library(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS], result;
	char *name = args_get(env, info, 1, args) ? arg_text(env, args[0]) : NULL;
	if (!name)
		return text(env, "its name is not a string");
	char reason[512];
	int id = library_load(name, reason, sizeof(reason));
	free(name);
	const struct library *lib = library_get(id);
	if (!lib)
		return text(env, reason);
	napi_create_object(env, &result);
	napi_set_named_property(env, result, "id", number(env, id));
	napi_set_named_property(env, result, "path", text(env, lib->path));
	napi_set_named_property(env, result, "version", number(env, lib->packed_version));
	return result;
}

static void finalize(napi_env env, void *data, void *hint)
{
	(void)hint;
	engine_free(env, data);
}

static int share_blocks(napi_env env, struct engine *e, napi_value list)
{
	napi_value state, events;
	e->state_block = block_new(sizeof(struct state));
	e->events_block = block_new(e->event_capacity * EVENT_WORDS * sizeof(uint64_t));
	if (!e->state_block || !e->events_block)
		return ST_TOO_BIG;
	e->state = e->state_block->host;
	e->events = e->events_block->host;
	cpu_init(e);
	if (block_share(env, e->state_block, &state) != napi_ok || block_share(env, e->events_block, &events) != napi_ok)
		return ST_TOO_BIG;
	napi_set_element(env, list, 1, state);
	napi_set_element(env, list, 2, events);
	return ST_OK;
}

/* open(library, blockBudget, eventCapacity, stopWhenFull): [handle, state, events] or a status. */
static napi_value open_engine(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS], list, handle;
	uint32_t id;
	uint64_t budget, capacity;
	bool stop_when_full;
	if (!args_get(env, info, 4, args) || !arg_u32(env, args[0], &id) || !arg_size(env, args[1], &budget) ||
	    !arg_size(env, args[2], &capacity) || !capacity || capacity > MAX_MAPPED / (EVENT_WORDS * sizeof(uint64_t)) ||
	    !arg_bool(env, args[3], &stop_when_full))
		return number(env, ST_BAD_ARGUMENT);
	const struct library *lib = library_get((int)id);
	if (!lib)
		return number(env, ST_BAD_ARGUMENT);

	struct engine *e;
	int status = engine_open(env, lib, &e);
	if (status)
		return number(env, status);
	e->block_budget = budget;
	e->event_capacity = capacity;
	e->stop_when_full = stop_when_full;
	napi_create_array_with_length(env, 3, &list);
	status = share_blocks(env, e, list);
	if (!status && napi_create_external(env, e, finalize, NULL, &handle) != napi_ok)
		status = ST_TOO_BIG;
	if (status) {
		engine_free(env, e);
		return number(env, status);
	}
	napi_set_element(env, list, 0, handle);
	return list;
}

/* close(handle). */
static napi_value close_engine(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	struct engine *e;
	int status = method(env, info, 1, args, IDLE, &e);
	if (!status)
		engine_close(env, e, true);
	return number(env, status);
}

/* map(handle, address, size, prot): an ArrayBuffer or a status. */
static napi_value map(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS], buffer;
	struct engine *e;
	uint64_t address, size;
	uint32_t prot;
	struct block *block;
	int status = method(env, info, 4, args, IDLE, &e);
	if (!status && (!arg_u64(env, args[1], &address) || !arg_size(env, args[2], &size) || !arg_u32(env, args[3], &prot)))
		status = ST_BAD_ARGUMENT;
	if (!status)
		status = memory_map(e, address, size, prot, &block);
	if (status)
		return number(env, status);
	return block_share(env, block, &buffer) == napi_ok ? buffer : number(env, ST_TOO_BIG);
}

/* protect(handle, address, size, prot). */
static napi_value protect(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	struct engine *e;
	uint64_t address, size;
	uint32_t prot;
	int status = method(env, info, 4, args, IDLE, &e);
	if (!status && (!arg_u64(env, args[1], &address) || !arg_size(env, args[2], &size) || !arg_u32(env, args[3], &prot)))
		status = ST_BAD_ARGUMENT;
	return number(env, status ? status : memory_protect(e, address, size, prot));
}

/* read(handle, address, bytes): fills bytes from any mapped memory. */
static napi_value read_bytes(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	struct engine *e;
	uint64_t address;
	uint8_t *bytes;
	size_t length;
	int status = method(env, info, 3, args, 0, &e);
	if (!status && (!arg_u64(env, args[1], &address) || !arg_bytes(env, args[2], &bytes, &length)))
		status = ST_BAD_ARGUMENT;
	if (!status && !memory_read(e, address, bytes, length, 0))
		status = UC_ERR_READ_UNMAPPED;
	return number(env, status);
}

/* write(handle, address, bytes). */
static napi_value write_bytes(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	struct engine *e;
	uint64_t address;
	uint8_t *bytes;
	size_t length;
	int status = method(env, info, 3, args, 0, &e);
	if (!status && (!arg_u64(env, args[1], &address) || !arg_bytes(env, args[2], &bytes, &length)))
		status = ST_BAD_ARGUMENT;
	if (!status && !memory_write(e, address, bytes, length, 0))
		status = UC_ERR_WRITE_UNMAPPED;
	return number(env, status);
}

/* hookHelpers(handle, addresses, js): one word and one byte a helper. */
static napi_value hook_helpers(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	struct engine *e;
	uint64_t *addresses;
	uint8_t *js;
	size_t count, js_count;
	int status = method(env, info, 3, args, IDLE | UNSEALED, &e);
	if (!status && (!arg_words(env, args[1], &addresses, &count) || !arg_bytes(env, args[2], &js, &js_count) ||
			count != js_count))
		status = ST_BAD_ARGUMENT;
	return number(env, status ? status : helpers_set(e, addresses, js, count));
}

/* exceptionTable(handle, words): three words an entry. */
static napi_value exception_table(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	struct engine *e;
	uint64_t *words;
	size_t count;
	int status = method(env, info, 2, args, IDLE | UNSEALED, &e);
	if (!status && !arg_words(env, args[1], &words, &count))
		status = ST_BAD_ARGUMENT;
	return number(env, status ? status : extable_set(e, words, count));
}

enum { POLICY_RET = POISONED, POLICY_BELOW, POLICY_JUNK, POLICY_RFLAGS, POLICY_HAS_RFLAGS, POLICY_WORDS };

/* setPolicy(handle, index, words): the poison registers, then ret, below, junk, rflags, hasRflags. */
static napi_value set_policy(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	struct engine *e;
	uint32_t index;
	uint64_t *words;
	size_t count;
	int status = method(env, info, 3, args, 0, &e);
	if (!status && (!arg_u32(env, args[1], &index) || index >= e->helper_count || !arg_words(env, args[2], &words, &count) ||
			count != POLICY_WORDS || words[POLICY_BELOW] % 8 || words[POLICY_BELOW] > MAX_MAPPED))
		status = ST_BAD_ARGUMENT;
	if (status)
		return number(env, status);
	struct helper *helper = e->helper_by_index[index];
	e->policies_missing -= !helper->js && !helper->has_policy;
	helper->has_policy = true;
	helper->common = false;
	memcpy(helper->poison, words, sizeof(helper->poison));
	helper->ret = words[POLICY_RET];
	helper->below = words[POLICY_BELOW];
	helper->junk = words[POLICY_JUNK];
	helper->rflags = cpu_rflags(words[POLICY_RFLAGS]);
	helper->has_rflags = words[POLICY_HAS_RFLAGS] != 0;
	return number(env, ST_OK);
}

/* commonPolicy(handle, brief): the words of struct common, shared; or a status. @brief: events of helpers are short. */
static napi_value common_policy(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS], buffer;
	struct engine *e;
	bool brief;
	int status = method(env, info, 2, args, IDLE | UNSEALED, &e);
	if (!status && !arg_bool(env, args[1], &brief))
		status = ST_BAD_ARGUMENT;
	if (!status)
		status = helpers_common(e);
	if (status)
		return number(env, status);
	e->brief = brief;
	return block_share(env, e->common_block, &buffer) == napi_ok ? buffer : number(env, ST_TOO_BIG);
}

enum { RANGE_TRACE, RANGE_CODE, RANGE_MEMORY };

/* addRange(handle, kind, lo, hi), both ends included. */
static napi_value add_range(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	struct engine *e;
	uint32_t kind;
	uint64_t lo, hi;
	int status = method(env, info, 4, args, IDLE | UNSEALED, &e);
	if (!status && (!arg_u32(env, args[1], &kind) || kind > RANGE_MEMORY || !arg_u64(env, args[2], &lo) ||
			!arg_u64(env, args[3], &hi)))
		status = ST_BAD_ARGUMENT;
	if (status)
		return number(env, status);
	struct ranges *ranges = kind == RANGE_TRACE ? &e->traced : kind == RANGE_CODE ? &e->scripted : &e->watched;
	return number(env, ranges_add(ranges, lo, hi));
}

/* seal(handle, stop). */
static napi_value seal(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	struct engine *e;
	uint64_t stop;
	int status = method(env, info, 2, args, IDLE | UNSEALED, &e);
	if (!status && !arg_u64(env, args[1], &stop))
		status = ST_BAD_ARGUMENT;
	return number(env, status ? status : engine_seal(e, stop));
}

/*
 * invalidate(handle, address, size): before a run for the second range and on, run() takes the first; or from a
 * callback, where the processor is in use and looks addresses up as it should.
 */
static napi_value invalidate_code(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	struct engine *e;
	uint64_t address, size;
	int status = method(env, info, 3, args, SEALED, &e);
	if (!status && (!arg_u64(env, args[1], &address) || !arg_size(env, args[2], &size)))
		status = ST_BAD_ARGUMENT;
	if (status)
		return number(env, status);
	return number(env, e->running ? invalidate(e, address, size) : start_over(e, address, size));
}

/* run(handle, entry, address, size, dispatcher): an outcome, or a negative status. Size 0 invalidates nothing. */
static napi_value run_program(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	struct engine *e;
	uint64_t entry, address, size;
	int status = method(env, info, 5, args, IDLE | SEALED, &e);
	if (!status && (!arg_u64(env, args[1], &entry) || !arg_u64(env, args[2], &address) || !arg_size(env, args[3], &size)))
		status = ST_BAD_ARGUMENT;
	if (!status && e->policies_missing)
		status = ST_NO_POLICY;
	if (!status)
		status = start_over(e, address, size);
	if (status)
		return number(env, status > 0 ? ST_BAD_ARGUMENT : status);
	e->env = env;
	e->callback = args[4];
	return number(env, run(e, entry));
}

/* strerror(handle, code): the library's words. */
static napi_value error_text(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	void *data = NULL;
	uint32_t code;
	if (!args_get(env, info, 2, args) || napi_get_value_external(env, args[0], &data) != napi_ok ||
	    !arg_u32(env, args[1], &code))
		return text(env, "");
	return text(env, ((struct engine *)data)->lib->strerror((int)code));
}

NAPI_MODULE_INIT()
{
	static const struct {
		const char *name;
		napi_callback function;
	} functions[] = {
		{ "loadLibrary", load_library }, { "open", open_engine },	  { "close", close_engine },
		{ "map", map },			 { "protect", protect },	  { "read", read_bytes },
		{ "write", write_bytes },	 { "hookHelpers", hook_helpers }, { "setPolicy", set_policy },
		{ "addRange", add_range },	 { "seal", seal },		  { "invalidate", invalidate_code },
		{ "run", run_program },		 { "strerror", error_text },	  { "bpf", bpf },
		{ "addressOf", address_of },	 { "exceptionTable", exception_table },
		{ "commonPolicy", common_policy }, { "interpret", interpret_program },
		{ "models", set_models },	 { "throws", set_throws },	  { "series", run_series },
	};
	for (size_t i = 0; i < COUNT(functions); i++) {
		napi_value function;
		if (napi_create_function(env, functions[i].name, NAPI_AUTO_LENGTH, functions[i].function, NULL, &function) !=
			    napi_ok ||
		    napi_set_named_property(env, exports, functions[i].name, function) != napi_ok)
			return NULL;
	}
	return exports;
}
