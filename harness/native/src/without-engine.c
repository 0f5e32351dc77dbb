/* What TypeScript calls that is not about an engine. */
#include "args.h"
#include "interpret.h"

/* bpf(cmd, attr): the result or -errno. */
napi_value bpf(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	uint32_t cmd;
	uint8_t *attr;
	size_t size;
	if (!args_get(env, info, 2, args) || !arg_u32(env, args[0], &cmd) || !arg_bytes(env, args[1], &attr, &size))
		return NULL;
	return number(env, bpf_syscall((int)cmd, attr, size));
}

/* addressOf(bytes): where they lie in this process. */
napi_value address_of(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS], result = NULL;
	uint8_t *bytes;
	size_t length;
	if (args_get(env, info, 1, args) && arg_bytes(env, args[0], &bytes, &length))
		napi_create_bigint_uint64(env, (uint64_t)(uintptr_t)bytes, &result);
	return result;
}

/* interpret(words): runs what a struct interpreter holds. */
napi_value interpret_program(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	uint64_t *words;
	size_t count;
	if (!args_get(env, info, 1, args) || !arg_words(env, args[0], &words, &count) ||
	    count * sizeof(*words) != sizeof(struct interpreter))
		return number(env, ST_BAD_ARGUMENT);
	struct interpreter *in = (struct interpreter *)words;
	if (!interpreter_is_sound(in))
		return number(env, ST_BAD_ARGUMENT);
	interpret(in);
	return number(env, ST_OK);
}
