/**
 * The eBPF opcode space, with the kernel's names and values
 * (include/uapi/linux/bpf_common.h, include/uapi/linux/bpf.h, include/linux/filter.h; RFC 9669 section 3).
 *
 *      7 6 5 4   3   2 1 0                7 6 5   4 3   2 1 0
 *    +---------+---+-------+            +-------+-----+-------+
 *    | op      |src| class |  ALU, JMP  | mode  | size| class |  LD, LDX, ST, STX
 *    +---------+---+-------+            +-------+-----+-------+
 */

// Classes.
export const BPF_LD = 0x00;
export const BPF_LDX = 0x01;
export const BPF_ST = 0x02;
export const BPF_STX = 0x03;
export const BPF_ALU = 0x04;
export const BPF_JMP = 0x05;
export const BPF_JMP32 = 0x06;
export const BPF_ALU64 = 0x07;

// Operand source.
export const BPF_K = 0x00;
export const BPF_X = 0x08;

// Arithmetic operations.
export const BPF_ADD = 0x00;
export const BPF_SUB = 0x10;
export const BPF_MUL = 0x20;
export const BPF_DIV = 0x30;
export const BPF_OR = 0x40;
export const BPF_AND = 0x50;
export const BPF_LSH = 0x60;
export const BPF_RSH = 0x70;
export const BPF_NEG = 0x80;
export const BPF_MOD = 0x90;
export const BPF_XOR = 0xa0;
export const BPF_MOV = 0xb0;
export const BPF_ARSH = 0xc0;
export const BPF_END = 0xd0;

// Byte order of BPF_END in class ALU; in class ALU64 it is an unconditional swap.
export const BPF_TO_LE = 0x00;
export const BPF_TO_BE = 0x08;

// Jumps.
export const BPF_JA = 0x00;
export const BPF_JEQ = 0x10;
export const BPF_JGT = 0x20;
export const BPF_JGE = 0x30;
export const BPF_JSET = 0x40;
export const BPF_JNE = 0x50;
export const BPF_JSGT = 0x60;
export const BPF_JSGE = 0x70;
export const BPF_CALL = 0x80;
export const BPF_EXIT = 0x90;
export const BPF_JLT = 0xa0;
export const BPF_JLE = 0xb0;
export const BPF_JSLT = 0xc0;
export const BPF_JSLE = 0xd0;
/** Conditional pseudo jump; src 0 is may_goto. */
export const BPF_JCOND = 0xe0;

// Sizes.
export const BPF_W = 0x00;
export const BPF_H = 0x08;
export const BPF_B = 0x10;
export const BPF_DW = 0x18;

// Modes. Those from PROBE_MEM on are the kernel's own: the verifier rewrites to them, a program may not use them.
export const BPF_IMM = 0x00;
export const BPF_ABS = 0x20;
export const BPF_IND = 0x40;
export const BPF_MEM = 0x60;
export const BPF_MEMSX = 0x80;
export const BPF_ATOMIC = 0xc0;
export const BPF_PROBE_MEM = 0x20;
export const BPF_PROBE_MEMSX = 0x40;
export const BPF_PROBE_MEM32 = 0xa0;
export const BPF_PROBE_MEM32SX = 0xc0;
export const BPF_PROBE_ATOMIC = 0xe0;
/** Class ST: a speculation barrier. The same bits as LDX's PROBE_MEM32SX. */
export const BPF_NOSPEC = 0xc0;

// `imm` of an atomic instruction.
export const BPF_FETCH = 0x01;
export const BPF_XCHG = 0xe1;
export const BPF_CMPXCHG = 0xf1;
export const BPF_LOAD_ACQ = 0x100;
export const BPF_STORE_REL = 0x110;

// `src` of a call.
export const BPF_HELPER_CALL = 0;
export const BPF_PSEUDO_CALL = 1;
export const BPF_PSEUDO_KFUNC_CALL = 2;

// `src` of ld_imm64.
export const BPF_PSEUDO_MAP_FD = 1;
export const BPF_PSEUDO_MAP_VALUE = 2;
export const BPF_PSEUDO_BTF_ID = 3;
export const BPF_PSEUDO_FUNC = 4;
export const BPF_PSEUDO_MAP_IDX = 5;
export const BPF_PSEUDO_MAP_IDX_VALUE = 6;

/** `off` of a 64-bit register move that casts between address spaces (`imm` tells the direction). */
export const BPF_ADDR_SPACE_CAST = 1;
/** `off` of the kernel's own move of a per-CPU pointer to this CPU's address. */
export const BPF_ADDR_PERCPU = -1;

// Registers.
export const BPF_REG_0 = 0;
export const BPF_REG_1 = 1;
export const BPF_REG_6 = 6;
export const BPF_REG_9 = 9;
/** The frame pointer: BPF r10. */
export const BPF_REG_FP = 10;
/** The verifier's scratch register: r11 in the wire form, printed `ax`. */
export const BPF_REG_AX = 11;

/** Largest frame of one subprog, in bytes (include/linux/filter.h). */
export const MAX_BPF_STACK = 512;
/** Most frames in one call chain (include/linux/bpf_verifier.h). */
export const MAX_CALL_FRAMES = 8;
