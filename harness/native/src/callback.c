#include "engine.h"

#include <string.h>

/* Calls the JavaScript dispatcher with what happened. False when it could not be called, or threw. */
static bool call(struct engine *e, int kind, uint32_t index, int32_t *action)
{
	napi_env env = e->env;
	napi_handle_scope scope;
	if (napi_open_handle_scope(env, &scope) != napi_ok)
		return false;
	napi_value self, args[2], result;
	bool done = napi_get_undefined(env, &self) == napi_ok && napi_create_int32(env, kind, &args[0]) == napi_ok &&
		    napi_create_uint32(env, index, &args[1]) == napi_ok &&
		    napi_call_function(env, self, e->callback, 2, args, &result) == napi_ok &&
		    napi_get_value_int32(env, result, action) == napi_ok;
	napi_close_handle_scope(env, scope);
	return done;
}

static enum step return_to(struct engine *e, uint64_t *target)
{
	uint64_t *rsp = &e->state->regs[REG_RSP];
	if (!pop_return(e, rsp, target))
		return STEP_HALT;
	e->lib->reg_write(e->uc, UC_X86_REG_RSP, rsp);
	return STEP_JUMP;
}

/*
 * Lets a callback model the helper, or look at the instruction, at @address. It sees and may write all registers.
 * A callback that throws ends the run; the exception stays pending and leaves with run().
 */
enum step call_js(struct engine *e, int kind, const struct helper *helper, uint64_t address, uint64_t *target)
{
	uint64_t *regs = e->state->regs, before[REGS];
	cpu_read(e);
	regs[REG_RIP] = address;
	regs[REG_RFLAGS] = cpu_rflags(regs[REG_RFLAGS]);
	memcpy(before, regs, sizeof(before));

	int32_t action = ACTION_STOP;
	bool called = call(e, kind, helper ? helper->index : 0, &action);
	if (!called)
		action = ACTION_STOP;
	cpu_write(e, before);

	switch (action) {
	case ACTION_RETURN:
		return return_to(e, target);
	case ACTION_RESUME:
		*target = regs[REG_RIP];
		if (*target != address)
			return STEP_JUMP;
		halt(e, RUN_SAME_RIP);
		return STEP_HALT;
	case ACTION_CONTINUE:
		/* Translated code keeps the flags unevaluated, so a change of them is only seen by a new block. */
		return regs[REG_RFLAGS] != before[REG_RFLAGS] ? STEP_AGAIN : STEP_ON;
	case ACTION_POLICY:
		if (helper && helper->has_policy)
			return helper_model(e, helper, target) ? STEP_JUMP : STEP_HALT;
		/* fall through */
	default:
		halt(e, RUN_STOPPED);
		return STEP_HALT;
	}
}
