/* The interpreter of interpret.c: a program, its memory, and what came of a run, shared with TypeScript. */
#ifndef PRIVSTACK_INTERPRET_H
#define PRIVSTACK_INTERPRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MAX_SUBPROGS = 63, MAX_CALLEES = 64, MAX_CONTEXT = 4096, MAX_LOGGED = 8192, MAX_SLOTS = 1 << 14 };

/* What a callee is, above its number in the imm of a call. */
enum { CALLEE_PLAIN, CALLEE_LOOP, CALLEE_THROW };

/* Keep in step with interpreter.ts. */
struct interpreter {
	uint64_t r0, end, executed, calls; /* of the last run */
	uint64_t context_base, context_size, budget, seed;
	uint64_t exception_callback; /* subprog; all ones: none */
	uint64_t subprogs;
	uint32_t starts[MAX_SUBPROGS + 1]; /* slots; the one behind the last subprog ends the code */
	uint64_t returns[MAX_CALLEES];
	uint8_t context[MAX_CONTEXT];
	uint32_t log[MAX_LOGGED];
	uint64_t code[MAX_SLOTS]; /* as on the wire; calls of helpers name callees by number */
};

bool interpreter_is_sound(const struct interpreter *in);
void interpret(struct interpreter *in);

#endif
