#include "args.h"

#include <stdlib.h>

/* Exactly @count arguments. */
bool args_get(napi_env env, napi_callback_info info, size_t count, napi_value *args)
{
	size_t given = count;
	return napi_get_cb_info(env, info, &given, args, NULL, NULL) == napi_ok && given == count;
}

bool arg_u64(napi_env env, napi_value value, uint64_t *out)
{
	bool lossless = false;
	return napi_get_value_bigint_uint64(env, value, out, &lossless) == napi_ok && lossless;
}

/* A number that is a non-negative safe integer. */
bool arg_size(napi_env env, napi_value value, uint64_t *out)
{
	double number;
	if (napi_get_value_double(env, value, &number) != napi_ok || !(number >= 0 && number <= 9007199254740991.0))
		return false;
	*out = (uint64_t)number;
	return (double)*out == number;
}

bool arg_u32(napi_env env, napi_value value, uint32_t *out)
{
	uint64_t size;
	if (!arg_size(env, value, &size) || size > UINT32_MAX)
		return false;
	*out = (uint32_t)size;
	return true;
}

bool arg_bool(napi_env env, napi_value value, bool *out)
{
	return napi_get_value_bool(env, value, out) == napi_ok;
}

static bool arg_array(napi_env env, napi_value value, napi_typedarray_type wanted, void **data, size_t *length)
{
	bool is_array = false;
	napi_typedarray_type type;
	return napi_is_typedarray(env, value, &is_array) == napi_ok && is_array &&
	       napi_get_typedarray_info(env, value, &type, length, data, NULL, NULL) == napi_ok && type == wanted;
}

bool arg_bytes(napi_env env, napi_value value, uint8_t **data, size_t *length)
{
	return arg_array(env, value, napi_uint8_array, (void **)data, length);
}

bool arg_words(napi_env env, napi_value value, uint64_t **data, size_t *length)
{
	return arg_array(env, value, napi_biguint64_array, (void **)data, length);
}

/* A copy in UTF-8, or NULL. The caller frees it. */
char *arg_text(napi_env env, napi_value value)
{
	size_t length;
	if (napi_get_value_string_utf8(env, value, NULL, 0, &length) != napi_ok)
		return NULL;
	char *text = malloc(length + 1);
	if (text && napi_get_value_string_utf8(env, value, text, length + 1, &length) != napi_ok) {
		free(text);
		return NULL;
	}
	return text;
}

napi_value number(napi_env env, int64_t value)
{
	napi_value result = NULL;
	napi_create_int64(env, value, &result);
	return result;
}
