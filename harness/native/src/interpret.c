/*
 * BPF, interpreted: what a program does by the language's definition (RFC 9669), for comparison with what its machine
 * code did. It knows instructions, one memory region, frames, helpers that only return something, bpf_loop and bpf_throw;
 * where a program needs more, it says so, and the interpreter in TypeScript is asked. That one is the reference: this one
 * is written a second time for speed, and tested against it.
 */
#include "interpret.h"
#include "interpret-alu.h"

#include <string.h>

enum { REGISTERS = 11, FP = 10, FRAME_BYTES = 512, MAX_FRAMES = 8 };
enum outcome_kind { ENDED_EXIT, ENDED_FAULT, ENDED_BUDGET, ENDED_UNKNOWN, GOING };

/* As ADDRESSES in harness/oracle/options.ts. */
static const uint64_t frames_base = 0xfffff4a300000000u, frame_stride = 0x1000, functions_base = 0xffffca1100000000u;
enum { FUNCTION_STRIDE = 16 }; /* as in harness/oracle/resolver.ts */
/* BPF_MAX_LOOPS (include/linux/bpf.h). */
enum { MAX_LOOPS = 8 * 1024 * 1024 };

struct frame {
	uint64_t base;
	uint8_t bytes[FRAME_BYTES];
};

struct activation {
	uint32_t subprog, pc;
	uint32_t rounds; /* that may_goto still grants */
	uint64_t saved[REGISTERS - 6]; /* r6 to r10 of the caller */
};

struct machine {
	struct interpreter *in;
	uint64_t regs[REGISTERS];
	uint64_t junk;
	uint64_t frames_made;
	int depth; /* activations, and frames */
	struct activation activations[MAX_FRAMES];
	struct frame frames[MAX_FRAMES];
	enum outcome_kind end;
};

static void execute(struct machine *m, int floor);

static uint64_t junk(struct machine *m)
{
	uint64_t x = m->junk;
	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return m->junk = x;
}

static void forget(struct machine *m, int from, int to)
{
	for (int i = from; i < to; i++)
		m->regs[i] = junk(m);
}

static inline void *find(struct machine *m, uint64_t address, uint64_t size)
{
	for (int i = m->depth - 1; i >= 0; i--) {
		uint64_t at = address - m->frames[i].base;
		if (at < FRAME_BYTES)
			return at + size <= FRAME_BYTES ? m->frames[i].bytes + at : NULL;
	}
	uint64_t at = address - m->in->context_base;
	return at < m->in->context_size && at + size <= m->in->context_size ? m->in->context + at : NULL;
}

static bool push(struct machine *m, uint32_t subprog)
{
	if (m->depth == MAX_FRAMES || subprog >= m->in->subprogs) {
		m->end = ENDED_FAULT;
		return false;
	}
	struct activation *a = &m->activations[m->depth];
	*a = (struct activation){ .subprog = subprog, .pc = m->in->starts[subprog], .rounds = MAX_LOOPS };
	memcpy(a->saved, &m->regs[6], sizeof(a->saved));
	forget(m, 6, FP);
	forget(m, 0, 1);
	struct frame *f = &m->frames[m->depth++];
	f->base = frames_base + frame_stride * m->frames_made++;
	memset(f->bytes, (int)(junk(m) & 0xff), sizeof(f->bytes));
	m->regs[FP] = f->base + FRAME_BYTES;
	return true;
}

static void leave(struct machine *m, int depth)
{
	memcpy(&m->regs[6], m->activations[depth].saved, sizeof(m->activations[depth].saved));
	m->depth = depth;
}

/* C calls a subprog; then all registers are what they were. */
static uint64_t enter(struct machine *m, uint32_t subprog, uint64_t first, uint64_t second)
{
	uint64_t before[REGISTERS];
	memcpy(before, m->regs, sizeof(before));
	forget(m, 0, FP);
	m->regs[1] = first;
	m->regs[2] = second;
	int floor = m->depth;
	if (push(m, subprog))
		execute(m, floor);
	uint64_t r0 = m->regs[0];
	memcpy(m->regs, before, sizeof(before));
	return r0;
}

static uint64_t loop(struct machine *m)
{
	uint64_t count = (uint32_t)m->regs[1], callback = m->regs[2] - functions_base, context = m->regs[3];
	if (m->regs[4] || callback % FUNCTION_STRIDE || callback / FUNCTION_STRIDE >= m->in->subprogs)
		return (uint64_t)-22;
	if (count > MAX_LOOPS)
		return (uint64_t)-7;
	for (uint64_t i = 0; i < count && m->end == GOING; i++)
		if (enter(m, (uint32_t)(callback / FUNCTION_STRIDE), i, context))
			return i + 1;
	return count;
}

/* To the innermost main subprog: the exception callback takes its place, or the cookie is its result. */
static void throw_exception(struct machine *m, int floor)
{
	uint64_t cookie = m->regs[1];
	int at = m->depth - 1;
	while (at >= floor && m->activations[at].subprog)
		at--;
	if (at < floor) {
		m->end = ENDED_FAULT;
		return;
	}
	leave(m, at);
	forget(m, 0, 6);
	if (m->in->exception_callback == UINT64_MAX) {
		m->regs[0] = cookie;
		return;
	}
	m->regs[1] = cookie;
	push(m, (uint32_t)m->in->exception_callback);
}

static bool log_call(struct machine *m, uint32_t callee)
{
	if (m->in->calls == MAX_LOGGED) {
		m->end = ENDED_UNKNOWN;
		return false;
	}
	m->in->log[m->in->calls++] = callee;
	return true;
}

static const uint8_t sizes[4] = { 4, 2, 1, 8 };

EXPANDED uint64_t load(const void *from, int size, bool is_signed)
{
	uint64_t value = 0;
	memcpy(&value, from, (size_t)size);
	if (!is_signed || size == 8)
		return value;
	return size == 1 ? (uint64_t)(int8_t)value : size == 2 ? (uint64_t)(int16_t)value : (uint64_t)(int32_t)value;
}

static bool atomic(struct machine *m, void *at, int size, int src, int32_t imm)
{
	uint64_t *regs = m->regs, mask = size == 8 ? UINT64_MAX : UINT32_MAX;
	if (size < 4)
		return false;
	uint64_t old = load(at, size, false), operand = regs[src] & mask, now;
	switch (imm & ~1) {
	case 0x00: now = old + operand; break;
	case 0x40: now = old | operand; break;
	case 0x50: now = old & operand; break;
	case 0xa0: now = old ^ operand; break;
	case 0xe0: now = operand; break;
	case 0xf0: now = old == (regs[0] & mask) ? operand : old; break;
	default: return false;
	}
	if ((imm & ~1) >= 0xe0 && !(imm & 1))
		return false;
	memcpy(at, &now, (size_t)size);
	if (imm == 0xf1)
		regs[0] = old;
	else if (imm & 1)
		regs[src] = old;
	return true;
}

/* Loads and stores. False, and what has ended the run, where that does not work. */
EXPANDED bool access(struct machine *m, uint8_t code, int dst, int src, int off, int32_t imm)
{
	uint64_t *regs = m->regs;
	int size = sizes[code >> 3 & 3];
	uint8_t kind = code & 7, mode = code & 0xe0;
	bool is_load = kind == 1 || (kind == 3 && mode == 0xc0 && imm == 0x100);
	uint64_t address = regs[is_load ? src : dst] + (uint64_t)(int64_t)off;
	bool known = mode == 0x60 || (kind == 1 && mode == 0x80 && size < 8) || (kind == 3 && mode == 0xc0);
	void *at = known ? find(m, address, (uint64_t)size) : NULL;
	if (!at) {
		m->end = known ? ENDED_FAULT : ENDED_UNKNOWN;
		return false;
	}
	if (is_load) {
		regs[dst] = load(at, size, kind == 1 && mode == 0x80);
	} else if (kind == 2) {
		int64_t value = imm;
		memcpy(at, &value, (size_t)size);
	} else if (mode == 0x60 || imm == 0x110) {
		memcpy(at, &regs[src], (size_t)size);
	} else if (!atomic(m, at, size, src, imm)) {
		m->end = ENDED_UNKNOWN;
		return false;
	}
	return true;
}

enum { CALL_SUBPROG = 1 };

/* A call: its callee was put into imm by whoever wrote the program down. Returns whether control is elsewhere. */
static bool call(struct machine *m, int src, int32_t imm, uint32_t next, int floor)
{
	struct activation *a = &m->activations[m->depth - 1];
	a->pc = next;
	if (src == CALL_SUBPROG) {
		push(m, (uint32_t)imm);
		return true;
	}
	uint32_t callee = (uint32_t)imm & 0xff;
	if (callee >= MAX_CALLEES) {
		m->end = ENDED_UNKNOWN;
		return true;
	}
	if (!log_call(m, callee))
		return true;
	switch ((uint32_t)imm >> 8) {
	case CALLEE_PLAIN: m->regs[0] = m->in->returns[callee]; break;
	case CALLEE_LOOP: m->regs[0] = loop(m); break;
	case CALLEE_THROW: throw_exception(m, floor); return true;
	default: m->end = ENDED_UNKNOWN; return true;
	}
	forget(m, 1, 6);
	return m->end != GOING;
}

/* All opcodes with an operation, or a size: of 32 bits and 64, or of loads and stores, with a number and with a register. */
#define OPERATIONS(X) \
	X(0x00) X(0x10) X(0x20) X(0x30) X(0x40) X(0x50) X(0x60) X(0x70) X(0x80) X(0x90) X(0xa0) X(0xb0) X(0xc0) X(0xd0)
#define CONDITIONS(X) X(0x10) X(0x20) X(0x30) X(0x40) X(0x50) X(0x60) X(0x70) X(0xa0) X(0xb0) X(0xc0) X(0xd0)
#define SIZES(X) X(0x00) X(0x08) X(0x10) X(0x18)

/* Each opcode is a case of its own: all that it says is a constant there. */
#define ALU(code) \
	case code: \
		if (interpret_alu(regs, code, dst, src, off, imm)) \
			continue; \
		goto unknown;
#define ALU_FORMS(op) ALU(op | 0x04) ALU(op | 0x07) ALU(op | 0x0c) ALU(op | 0x0f)
#define JUMP(code) \
	case code: \
		if (interpret_condition(regs, code, dst, src, imm)) \
			pc += (uint32_t)off; \
		continue;
#define JUMP_FORMS(op) JUMP(op | 0x05) JUMP(op | 0x06) JUMP(op | 0x0d) JUMP(op | 0x0e)
#define ACCESS(code) \
	case code: \
		if (access(m, code, dst, src, off, imm)) \
			continue; \
		goto ended;
#define ACCESS_FORMS(size) ACCESS(size | 0x61) ACCESS(size | 0x81) ACCESS(size | 0x62) ACCESS(size | 0x63) ACCESS(size | 0xc3)

/* Runs the innermost activation until another one is, or something has ended the run. */
static void execute_innermost(struct machine *m, int floor)
{
	struct interpreter *in = m->in;
	uint64_t *regs = m->regs, executed = in->executed, budget = in->budget;
	struct activation *a = &m->activations[m->depth - 1];
	uint32_t pc = a->pc, first = in->starts[a->subprog], slots = in->starts[a->subprog + 1] - first;
	for (;;) {
		if (executed >= budget) {
			m->end = ENDED_BUDGET;
			goto ended;
		}
		executed++;
		if (pc - first >= slots) {
			m->end = ENDED_FAULT;
			goto ended;
		}
		uint64_t word = in->code[pc++];
		int dst = word >> 8 & 15, src = word >> 12 & 15, off = (int16_t)(word >> 16);
		int32_t imm = (int32_t)(word >> 32);
		if (dst >= REGISTERS || src >= REGISTERS)
			goto unknown;
		switch ((uint8_t)word) {
		OPERATIONS(ALU_FORMS)
		CONDITIONS(JUMP_FORMS)
		SIZES(ACCESS_FORMS)
		case 0x18:
			if ((src != 0 && src != 4) || pc - first >= slots)
				goto unknown;
			regs[dst] = (uint32_t)imm | in->code[pc++] >> 32 << 32;
			if (src)
				regs[dst] = functions_base + FUNCTION_STRIDE * regs[dst];
			continue;
		case 0x05: pc += (uint32_t)off; continue;
		case 0x06: pc += (uint32_t)imm; continue;
		case 0xe5:
			if (src)
				goto unknown;
			if (!a->rounds)
				pc += (uint32_t)off;
			else
				a->rounds--;
			continue;
		case 0x85:
			in->executed = executed;
			if (call(m, src, imm, pc, floor))
				return;
			executed = in->executed;
			continue;
		case 0x95:
			leave(m, m->depth - 1);
			forget(m, 1, 6);
			goto ended;
		default: goto unknown;
		}
	}
unknown:
	m->end = ENDED_UNKNOWN;
ended:
	in->executed = executed;
}

/* Runs until no more activations are live than @floor, or something else has ended the run. */
static void execute(struct machine *m, int floor)
{
	while (m->depth > floor && m->end == GOING)
		execute_innermost(m, floor);
}

/* Whether nothing that it says lies outside of it. */
bool interpreter_is_sound(const struct interpreter *in)
{
	if (!in->subprogs || in->subprogs > MAX_SUBPROGS || in->context_size > MAX_CONTEXT || in->starts[0])
		return false;
	for (uint64_t i = 0; i < in->subprogs; i++)
		if (in->starts[i] > in->starts[i + 1])
			return false;
	return in->starts[in->subprogs] <= MAX_SLOTS;
}

/* Runs the program that was written down, from its first subprog on. */
void interpret(struct interpreter *in)
{
	struct machine m;
	m.in = in;
	m.junk = in->seed * 0x9e3779b97f4a7c15u | 1;
	m.frames_made = 0;
	m.depth = 0;
	m.end = GOING;
	in->executed = in->calls = 0;
	memset(m.regs, 0, sizeof(m.regs));
	in->r0 = enter(&m, 0, in->context_base, junk(&m));
	in->end = m.end == GOING ? ENDED_EXIT : m.end;
}
