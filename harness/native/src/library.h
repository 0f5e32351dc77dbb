/*
 * libunicorn as this addon sees it: the constants and the functions it uses, found with dlopen at run time.
 *
 * unicorn.h is not needed at build time. The values below are those of the 2.0 and 2.1 interfaces, which agree
 * wherever both have the name; what only 2.1 has is marked.
 */
#ifndef PRIVSTACK_LIBRARY_H
#define PRIVSTACK_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct uc_struct uc_engine;
typedef struct uc_context uc_context;
typedef size_t uc_hook;

enum { UC_ARCH_X86 = 4, UC_MODE_64 = 8, UC_CPU_X86_HASWELL = 19 };

enum uc_err {
	UC_ERR_OK = 0,
	UC_ERR_READ_UNMAPPED = 6,
	UC_ERR_WRITE_UNMAPPED = 7,
	UC_ERR_FETCH_UNMAPPED = 8,
	UC_ERR_INSN_INVALID = 10,
	UC_ERR_MAP = 11,
	UC_ERR_WRITE_PROT = 12,
	UC_ERR_READ_PROT = 13,
	UC_ERR_FETCH_PROT = 14,
	UC_ERR_ARG = 15,
};

enum uc_hook_type {
	UC_HOOK_INTR = 1 << 0,
	UC_HOOK_CODE = 1 << 2,
	UC_HOOK_BLOCK = 1 << 3,
	/* read, write, fetch of unmapped memory, then of protected memory: bits 4 to 9 */
	UC_HOOK_MEM_INVALID = 0x3f << 4,
	UC_HOOK_MEM_READ = 1 << 10,
	UC_HOOK_MEM_WRITE = 1 << 11,
};

/* What a memory hook is told about the access. */
enum uc_mem_type {
	UC_MEM_READ = 16,
	UC_MEM_WRITE,
	UC_MEM_FETCH,
	UC_MEM_READ_UNMAPPED,
	UC_MEM_WRITE_UNMAPPED,
	UC_MEM_FETCH_UNMAPPED,
	UC_MEM_WRITE_PROT,
	UC_MEM_READ_PROT,
	UC_MEM_FETCH_PROT,
};

/*
 * Numbers of uc_ctl. Number 10 flushes translated blocks in both versions, though 2.0 calls it "flush_tlb";
 * it is not used here, because in 2.0 it takes 0.1 s and makes a gigabyte resident.
 */
enum uc_control {
	UC_CTL_CPU_MODEL = 7,
	UC_CTL_TB_REMOVE_CACHE = 9,
	UC_CTL_TLB_TYPE = 12,        /* 2.1 */
	UC_CTL_TCG_BUFFER_SIZE = 13, /* 2.1 */
};

enum { UC_TLB_VIRTUAL = 1 };

/* The control word of a call that sets @nr with @args arguments. */
#define UC_CTL_WRITE(nr, args) ((int)((nr) | ((args) << 26) | (1 << 30)))

enum uc_x86_reg {
	UC_X86_REG_RAX = 35,
	UC_X86_REG_RBP = 36,
	UC_X86_REG_RBX = 37,
	UC_X86_REG_RCX = 38,
	UC_X86_REG_RDI = 39,
	UC_X86_REG_RDX = 40,
	UC_X86_REG_RIP = 41,
	UC_X86_REG_RSI = 43,
	UC_X86_REG_RSP = 44,
	UC_X86_REG_R8 = 106, /* R9 to R15 follow */
	UC_X86_REG_GS_BASE = 251,
	UC_X86_REG_RFLAGS = 253,
};

/* uc_version() packs major, minor, patch and extra into one byte each. */
#define VERSION(major, minor) ((unsigned)(major) << 24 | (unsigned)(minor) << 16)

struct library {
	void *handle;
	char *name; /* what was asked for */
	char *path; /* the file that the dynamic linker found */
	unsigned packed_version;

	unsigned (*version)(unsigned *major, unsigned *minor);
	const char *(*strerror)(int code);
	int (*open)(int arch, int mode, uc_engine **uc);
	int (*close)(uc_engine *uc);
	int (*ctl)(uc_engine *uc, int control, ...);
	int (*reg_read)(uc_engine *uc, int reg, void *value);
	int (*reg_write)(uc_engine *uc, int reg, const void *value);
	int (*reg_read_batch)(uc_engine *uc, int *regs, void **values, int count);
	int (*reg_write_batch)(uc_engine *uc, int *regs, void *const *values, int count);
	int (*mem_map_ptr)(uc_engine *uc, uint64_t address, size_t size, uint32_t prot, void *host);
	int (*mem_protect)(uc_engine *uc, uint64_t address, size_t size, uint32_t prot);
	int (*emu_start)(uc_engine *uc, uint64_t begin, uint64_t until, uint64_t timeout, size_t count);
	int (*emu_stop)(uc_engine *uc);
	int (*hook_add)(uc_engine *uc, uc_hook *hook, int type, void *callback, void *user, uint64_t begin,
			uint64_t end, ...);
	int (*context_alloc)(uc_engine *uc, uc_context **context);
	int (*context_save)(uc_engine *uc, uc_context *context);
	int (*context_restore)(uc_engine *uc, uc_context *context);
	int (*context_free)(uc_context *context);
};

/*
 * Loads the library @name once a process, from any thread, and never unloads it. Returns its number, or -1 with the
 * dynamic linker's or our own reason in @reason.
 */
int library_load(const char *name, char *reason, size_t reason_size);

/* The library of a number that library_load() gave, or NULL. */
const struct library *library_get(int number);

/* From 2.1 on rip is the faulting instruction after every memory fault, and inside memory hooks. */
static inline bool library_rip_is_precise(const struct library *lib)
{
	return lib->packed_version >= VERSION(2, 1);
}

#endif
