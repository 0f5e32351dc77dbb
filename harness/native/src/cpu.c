#include "engine.h"

/* In the order of the register block. */
static int block_ids[REGS] = {
	UC_X86_REG_RAX,    UC_X86_REG_RCX,    UC_X86_REG_RDX,    UC_X86_REG_RBX,    UC_X86_REG_RSP,
	UC_X86_REG_RBP,    UC_X86_REG_RSI,    UC_X86_REG_RDI,    UC_X86_REG_R8,     UC_X86_REG_R8 + 1,
	UC_X86_REG_R8 + 2, UC_X86_REG_R8 + 3, UC_X86_REG_R8 + 4, UC_X86_REG_R8 + 5, UC_X86_REG_R8 + 6,
	UC_X86_REG_R8 + 7, UC_X86_REG_RIP,    UC_X86_REG_RFLAGS, UC_X86_REG_GS_BASE,
};

/* The 16 general registers and rflags, as an event holds them. */
static int scratch_ids[GPRS + 1] = {
	UC_X86_REG_RAX,    UC_X86_REG_RCX,    UC_X86_REG_RDX,    UC_X86_REG_RBX,    UC_X86_REG_RSP,
	UC_X86_REG_RBP,    UC_X86_REG_RSI,    UC_X86_REG_RDI,    UC_X86_REG_R8,     UC_X86_REG_R8 + 1,
	UC_X86_REG_R8 + 2, UC_X86_REG_R8 + 3, UC_X86_REG_R8 + 4, UC_X86_REG_R8 + 5, UC_X86_REG_R8 + 6,
	UC_X86_REG_R8 + 7, UC_X86_REG_RFLAGS,
};

void cpu_init(struct engine *e)
{
	for (int i = 0; i < REGS; i++)
		e->state_pointers[i] = &e->state->regs[i];
	for (int i = 0; i < GPRS + 1; i++)
		e->scratch_pointers[i] = &e->scratch[i];
}

/*
 * The bits of rflags that a caller may set: CF PF AF ZF SF IF DF OF AC, and bit 1, which is always set (SDM vol. 1,
 * 3.4.3). TF, NT, VM and the rest would change how the processor runs instead of what the program sees.
 */
uint64_t cpu_rflags(uint64_t rflags)
{
	return (rflags & 0x40ed5) | 0x2;
}

/* All registers into the register block. */
void cpu_read(struct engine *e)
{
	e->lib->reg_read_batch(e->uc, block_ids, e->state_pointers, REGS);
}

/* The general registers and rflags into the scratch block, which events copy. */
void cpu_read_scratch(struct engine *e)
{
	e->lib->reg_read_batch(e->uc, scratch_ids, e->scratch_pointers, GPRS + 1);
}

/* 0 into a general register, by its hardware number. */
void cpu_clear(struct engine *e, int reg)
{
	uint64_t zero = 0;
	e->lib->reg_write(e->uc, block_ids[reg], &zero);
}

/*
 * The register block into the processor, all but rip; only those that differ from @before unless it is NULL.
 * Writing rip is the caller's, because in a hook it ends the block, and cancels a stop that was asked for.
 */
void cpu_write(struct engine *e, const uint64_t *before)
{
	uint64_t *regs = e->state->regs;
	regs[REG_RFLAGS] = cpu_rflags(regs[REG_RFLAGS]);
	if (!before) {
		e->lib->reg_write_batch(e->uc, block_ids, e->state_pointers, GPRS);
		e->lib->reg_write_batch(e->uc, &block_ids[REG_RFLAGS], &e->state_pointers[REG_RFLAGS], 2);
		return;
	}
	for (int i = 0; i < REGS; i++)
		if (i != REG_RIP && regs[i] != before[i])
			e->lib->reg_write(e->uc, block_ids[i], &regs[i]);
}
