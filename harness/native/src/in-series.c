/* What TypeScript calls for many short runs: functions of the kernel that are modelled natively, and series. */
#include "args.h"
#include "interpret.h"
#include "series.h"

/* models(handle, rows): a helper, its model, and the helper where what it calls returns to, each as 32 bits of a word. */
napi_value set_models(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	struct engine *e;
	uint64_t *words;
	uint32_t rows[3 * MAX_MODELS];
	size_t count;
	int status = method(env, info, 2, args, IDLE | SEALED, &e);
	if (!status && (!arg_words(env, args[1], &words, &count) || count % 3 || count > sizeof(rows) / sizeof(rows[0])))
		status = ST_BAD_ARGUMENT;
	for (size_t i = 0; !status && i < count; i++) {
		rows[i] = (uint32_t)words[i];
		if (words[i] > UINT32_MAX)
			status = ST_BAD_ARGUMENT;
	}
	return number(env, status ? status : helpers_model(e, rows, count / 3));
}

/* throws(handle, callback, functions): where an exception is handled, and what it passes, three words a function. */
napi_value set_throws(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	struct engine *e;
	uint64_t callback, *words;
	size_t count;
	int status = method(env, info, 3, args, IDLE | SEALED, &e);
	if (!status && (!arg_u64(env, args[1], &callback) || !arg_words(env, args[2], &words, &count)))
		status = ST_BAD_ARGUMENT;
	return number(env, status ? status : throw_set(e, callback, words, count));
}

/* series(handle, words, interpreter, junk, dispatcher): runs what a struct series holds. */
napi_value run_series(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	struct engine *e;
	uint64_t *words, *in;
	uint8_t *junk;
	size_t count, in_count, junk_bytes;
	int status = method(env, info, 5, args, IDLE | SEALED, &e);
	if (!status && (!arg_words(env, args[1], &words, &count) || count * sizeof(*words) != sizeof(struct series) ||
			!arg_words(env, args[2], &in, &in_count) || in_count * sizeof(*in) != sizeof(struct interpreter) ||
			!arg_bytes(env, args[3], &junk, &junk_bytes)))
		status = ST_BAD_ARGUMENT;
	if (!status && e->policies_missing)
		status = ST_NO_POLICY;
	if (!status)
		status = start_over(e, 0, 0);
	if (status)
		return number(env, status > 0 ? ST_BAD_ARGUMENT : status);
	e->env = env;
	e->callback = args[4];
	return number(env, series(e, (struct series *)words, (struct interpreter *)in, junk, junk_bytes));
}
