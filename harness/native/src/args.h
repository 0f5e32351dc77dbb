/* Reading arguments from JavaScript. Each function says whether the value was of the kind wanted; none throws. */
#ifndef PRIVSTACK_ARGS_H
#define PRIVSTACK_ARGS_H

#include "engine.h"

enum { MAX_ARGS = 6 };

bool args_get(napi_env env, napi_callback_info info, size_t count, napi_value *args);
bool arg_u64(napi_env env, napi_value value, uint64_t *out);
bool arg_size(napi_env env, napi_value value, uint64_t *out);
bool arg_u32(napi_env env, napi_value value, uint32_t *out);
bool arg_bool(napi_env env, napi_value value, bool *out);
bool arg_bytes(napi_env env, napi_value value, uint8_t **data, size_t *length);
bool arg_words(napi_env env, napi_value value, uint64_t **data, size_t *length);
char *arg_text(napi_env env, napi_value value);

napi_value number(napi_env env, int64_t value);

/* addon.c */
enum { IDLE = 1, UNSEALED = 2, SEALED = 4 };
int method(napi_env env, napi_callback_info info, size_t count, napi_value *args, int state, struct engine **e);

/* in-series.c */
napi_value set_models(napi_env env, napi_callback_info info);
napi_value set_throws(napi_env env, napi_callback_info info);
napi_value run_series(napi_env env, napi_callback_info info);

/* without-engine.c */
napi_value bpf(napi_env env, napi_callback_info info);
napi_value address_of(napi_env env, napi_callback_info info);
napi_value interpret_program(napi_env env, napi_callback_info info);

#endif
