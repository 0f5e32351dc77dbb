/*
 * The engine: one Unicorn instance, its guest memory, its frozen hooks, and the state block shared with TypeScript.
 *
 * Nothing here throws. Functions return an enum status, a positive Unicorn error, or for run() an enum outcome, and
 * TypeScript makes the typed error, because an error object made here would be of another realm under Jest.
 */
#ifndef PRIVSTACK_ENGINE_H
#define PRIVSTACK_ENGINE_H

#include "library.h"

#define NAPI_VERSION 8
#include <node_api.h>

/* Ours are negative, Unicorn's positive. Keep in step with STATUS in addon.ts. */
enum status {
	ST_OK = 0,
	ST_BAD_ARGUMENT = -1,
	ST_BUSY = -2,
	ST_CLOSED = -3,
	ST_OVERLAP = -4,
	ST_TOO_BIG = -5,
	ST_SEALED = -6,
	ST_NOT_SEALED = -7,
	ST_NO_POLICY = -8,
};

/* How a run ended. Keep in step with OUTCOMES in status.ts. */
enum outcome {
	RUN_OK,
	RUN_FAULT,
	RUN_TRAP,
	RUN_INVALID_INSN,
	RUN_BUDGET,
	RUN_EVENTS_FULL,
	RUN_STOPPED,
	RUN_ELSEWHERE,
	RUN_ERROR,
	RUN_SAME_RIP, /* a callback asked to resume where it is */
	RUN_GOING,    /* nothing has ended it yet; never returned */
};

/* Register block: hardware numbers 0 to 15, then these. Keep in step with REG in registers.ts. */
enum { REG_RAX = 0, REG_RSP = 4, GPRS = 16, REG_RIP = 16, REG_RFLAGS = 17, REG_GS_BASE = 18, REGS = 19 };

enum { PAGE = 4096, GUEST_R = 1, GUEST_W = 2, GUEST_X = 4, GUEST_RWX = 7, REGION_BEGINS = 0x80 };

#define MAX_MAPPED ((uint64_t)256 << 20)
/*
 * The library keeps a list of regions, a mapping being one and each change of protection splitting one. Its work grows
 * with the cube of their number, and it aborts the process at 4096.
 */
enum { MAX_REGIONS = 512, MAX_RANGES = 64, MAX_ENGINES = 256, POISONED = 8 };

/* Shared with TypeScript. Keep in step with state.ts. */
struct state {
	uint64_t regs[REGS];
	uint64_t rip;          /* word 19: of the end of the run */
	uint64_t address;      /* word 20: of a fault */
	uint32_t access;       /* half word 42 on: 0 read, 1 write, 2 fetch */
	uint32_t protected;    /* the memory is mapped, but its protection forbids the access */
	uint32_t size;
	uint32_t vector;
	uint32_t code;         /* Unicorn error */
	uint32_t exact;        /* rip is the very instruction, not the start of its block */
	uint64_t events;       /* word 24: all that happened in this run, those lost included */
	uint64_t loops_lost;   /* word 25: callbacks of a native bpf_loop that did not give back what they have to */
};

/* Host memory that an ArrayBuffer shares: freed when the engine and the ArrayBuffer have both let go. */
struct block {
	void *host;
	size_t size;
	int holders;
	napi_ref buffer; /* weak */
};

struct mapping {
	uint64_t address;
	uint64_t last; /* inclusive, so that the last page of the address space needs no special case */
	struct block *block;
	uint8_t *pages; /* protection of each page; and REGION_BEGINS where the library has a region of its own from */
};

/* Inclusive at both ends, as Unicorn's hook ranges are. */
struct range {
	uint64_t lo, hi;
};

struct ranges {
	struct range at[MAX_RANGES];
	int count;
};

/* What a helper does that is modelled here besides destroying registers. Keep in step with models.ts. */
enum model { MODEL_NONE, MODEL_LOOP, MODEL_MAY_GOTO, MODEL_MAY_GOTO_RBP, MODEL_THROW, MODELS };

struct helper {
	uint64_t address;
	uint32_t index; /* the caller's */
	enum model model;
	uint64_t stub; /* address to which what it calls returns */
	bool js, has_policy, has_rflags;
	bool common; /* its policy is the one that all share */
	uint64_t ret, rflags, junk;
	uint64_t poison[POISONED];
	uint64_t below;
};

/* One policy for many helpers, shared with TypeScript. Keep in step with common-policy.ts. */
struct common {
	uint64_t poison[POISONED];
	uint64_t below, junk;
	uint64_t ret[]; /* by the caller's index */
};

/* A bpf_loop() that has not returned. */
struct loop {
	uint64_t regs[GPRS]; /* of its caller */
	const struct helper *helper;
	uint64_t callback, context, round, count;
	uint64_t rsp, sentinels[6]; /* what the callback has to give back */
};
enum { MAX_LOOPS_DEEP = 8, MAX_MODELS = 8, MAX_FUNCTIONS = 64 };

/* Code of a program, both ends included: a call may be its last instruction. */
struct function {
	uint64_t lo, hi;
	bool boundary; /* an exception goes no further */
};

/* An instruction that may fault, as in the kernel's exception table. */
struct entry {
	uint64_t insn, resume;
	uint64_t zero; /* register to clear; all ones: none */
};

/* What a byte of guest memory was before the instruction under way. */
struct undo {
	uint64_t address;
	uint8_t old;
};
enum { UNDO_BYTES = 16 };

/* What a code hook has to do before an instruction. */
enum stage { STAGE_ALL, STAGE_HELPER, STAGE_NONE };

struct engine {
	const struct library *lib;
	uc_engine *uc; /* NULL once closed */
	uc_context *pristine;
	bool sealed, running;
	uint64_t stop, block_budget;

	struct mapping *mappings; /* sorted by address */
	int mapping_count, region_count;
	uint64_t mapped;

	struct helper *helpers; /* sorted by address */
	struct helper **helper_by_index;
	uint32_t helper_count, policies_missing;
	struct block *common_block;
	struct common *common; /* NULL when there is none */
	bool brief; /* the event of a helper has no registers */
	uint32_t modelled[MAX_MODELS]; /* indices of helpers that have a model */
	int model_count;
	uint32_t loop_return; /* index of where callbacks of bpf_loop return to; all ones: none */
	struct function functions[MAX_FUNCTIONS]; /* that exceptions pass */
	int function_count;
	uint64_t exception_callback;
	struct entry *entries; /* sorted by instruction */
	int entry_count;
	struct ranges traced, scripted, watched; /* as asked for */
	struct ranges code_hooks, memory_hooks;  /* merged, as installed */

	struct state *state;
	struct block *state_block, *events_block;
	uint64_t *events;
	uint64_t event_capacity;
	bool stop_when_full;

	/* One run. */
	enum outcome end;
	uint64_t blocks_left;
	uint64_t insn;     /* address of the last instruction that a code hook saw */
	bool covered;      /* this block lies within one code hook, which keeps rip exact in 2.0 */
	uint64_t half;     /* 2.0 reports a read across pages, then its two aligned halves: where they begin */
	uint32_t half_size; /* 0 when none is expected */
	bool again;        /* the code hook of insn fires once more, and has only stage_left to do */
	enum stage stage_left;
	const struct entry *entry; /* of the instruction that runs; NULL when it has none */
	uint64_t entry_events;     /* events before it */
	struct undo undo[UNDO_BYTES];
	int undo_count;
	struct loop loops[MAX_LOOPS_DEEP];
	uint32_t loop_depth;
	uint64_t model_junk, clock;
	struct series_run *series; /* NULL when there is none */
	uint32_t series_stub; /* index of where its runs return to */
	napi_env env;
	napi_value callback;

	/* Where the batch functions of the library read and write. */
	uint64_t scratch[GPRS + 1];
	void *state_pointers[REGS], *scratch_pointers[GPRS + 1];
};

/* engine.c */
int engine_open(napi_env env, const struct library *lib, struct engine **out);
void engine_close(napi_env env, struct engine *e, bool revoke);
void engine_free(napi_env env, struct engine *e);
int engine_seal(struct engine *e, uint64_t stop);

/* block.c */
struct block *block_new(size_t size);
napi_status block_share(napi_env env, struct block *block, napi_value *buffer);
void block_release(napi_env env, struct block *block, bool revoke);

/* memory.c */
int memory_map(struct engine *e, uint64_t address, uint64_t size, uint32_t prot, struct block **out);
int memory_protect(struct engine *e, uint64_t address, uint64_t size, uint32_t prot);
uint8_t *memory_at(const struct engine *e, uint64_t address, uint32_t need);
bool memory_allows(const struct engine *e, uint64_t address, uint64_t size, uint32_t need);
bool memory_read(const struct engine *e, uint64_t address, void *to, uint64_t size, uint32_t need);
bool memory_write(const struct engine *e, uint64_t address, const void *from, uint64_t size, uint32_t need);
void memory_free(napi_env env, struct engine *e, bool revoke);

/* cpu.c */
void cpu_init(struct engine *e);
void cpu_read(struct engine *e);
void cpu_write(struct engine *e, const uint64_t *before);
void cpu_read_scratch(struct engine *e);
void cpu_clear(struct engine *e, int reg);
uint64_t cpu_rflags(uint64_t rflags);

/* ranges.c */
int ranges_add(struct ranges *ranges, uint64_t lo, uint64_t hi);
void ranges_merge(struct ranges *ranges);
void ranges_widen(struct ranges *ranges, uint64_t bytes);
bool ranges_contain(const struct ranges *ranges, uint64_t lo, uint64_t hi);
bool ranges_touch(const struct ranges *ranges, uint64_t lo, uint64_t hi);

/* events.c */
enum event_kind { EVENT_INSN = 1, EVENT_READ, EVENT_WRITE, EVENT_HELPER };
enum { EVENT_WORDS = 24, EVENT_FAULTS = 1 << 16, EVENT_SKIPPED = 1 << 17 };
void event_brief(struct engine *e, uint64_t rip, uint32_t index);
void event_registers(struct engine *e, enum event_kind kind, uint64_t rip, uint32_t index);
void event_access(struct engine *e, bool write, uint64_t rip, uint64_t address, uint32_t size, uint64_t value);

/* helpers.c */
int helpers_set(struct engine *e, const uint64_t *addresses, const uint8_t *js, size_t count);
int helpers_common(struct engine *e);
int helpers_model(struct engine *e, const uint32_t *rows, size_t count);
int helpers_ranges(const struct engine *e, struct ranges *ranges);
struct helper *helpers_find(const struct engine *e, uint64_t address);
bool helper_model(struct engine *e, const struct helper *helper, uint64_t *target);
void destroy_below(const struct engine *e, uint64_t rsp, uint64_t bytes, uint64_t seed);
bool pop_return(struct engine *e, uint64_t *rsp, uint64_t *target);

/* extable.c */
int extable_set(struct engine *e, const uint64_t *words, size_t count);
int extable_ranges(const struct engine *e, struct ranges *ranges);
bool extable_has_stores(const struct engine *e);
void extable_begin(struct engine *e, uint64_t address);
void extable_note_store(struct engine *e, uint64_t address, uint32_t size);
bool extable_handle(struct engine *e, uint64_t *resume);

/* callback.c */
enum { CALL_HELPER = 0, CALL_CODE = 1 };
enum action { ACTION_RETURN, ACTION_RESUME, ACTION_STOP, ACTION_CONTINUE, ACTION_POLICY };
enum step { STEP_ON, STEP_JUMP, STEP_AGAIN, STEP_HALT };
enum step call_js(struct engine *e, int kind, const struct helper *helper, uint64_t address, uint64_t *target);

/* loop.c */
enum step loop_begin(struct engine *e, const struct helper *helper, uint64_t *target);
enum step loop_next(struct engine *e, uint64_t *target);

/* may-goto.c */
enum step may_goto(struct engine *e, bool from_rbp, uint64_t *target);

/* throw.c */
int throw_set(struct engine *e, uint64_t callback, const uint64_t *words, size_t count);
enum step throw_exception(struct engine *e, const struct helper *helper, uint64_t *target);

/* series.c */
struct series;
struct interpreter;
enum step series_next(struct engine *e, uint64_t *target);
int series(struct engine *e, struct series *s, struct interpreter *in, const uint8_t *junk, size_t junk_bytes);

/* hooks.c */
int hooks_install(struct engine *e);
void halt(struct engine *e, enum outcome end);

/* run.c */
int start_over(struct engine *e, uint64_t address, uint64_t size);
void run_reset(struct engine *e);
int run(struct engine *e, uint64_t entry);
int invalidate(struct engine *e, uint64_t address, uint64_t size);

/* bpf.c */
long bpf_syscall(int cmd, void *attr, size_t size);

#endif
