/*
 * What instructions of arithmetic, and conditions of jumps, mean. All of it is expanded once for each opcode that interpret.c
 * knows, so that nothing of the opcode is left to be looked at.
 */
#ifndef PRIVSTACK_INTERPRET_ALU_H
#define PRIVSTACK_INTERPRET_ALU_H

#include <stdbool.h>
#include <stdint.h>

#define EXPANDED static inline __attribute__((always_inline))

EXPANDED uint64_t swap(uint64_t value, int bits)
{
	return bits == 16 ? __builtin_bswap16((uint16_t)value) :
	       bits == 32 ? __builtin_bswap32((uint32_t)value) :
			    __builtin_bswap64(value);
}

/* All but byte swaps, negations and moves with an offset. */
EXPANDED bool alu64(uint64_t *dst, uint64_t b, uint8_t op, int off)
{
	uint64_t a = *dst;
	int64_t sa = (int64_t)a, sb = (int64_t)b;
	if (off == 1) {
		if (op != 0x30 && op != 0x90)
			return false;
		if (op == 0x30)
			*dst = !b ? 0 : sb == -1 ? -a : (uint64_t)(sa / sb);
		else
			*dst = !b ? a : sb == -1 ? 0 : (uint64_t)(sa % sb);
		return true;
	}
	if (off)
		return false;
	switch (op) {
	case 0x00: *dst = a + b; return true;
	case 0x10: *dst = a - b; return true;
	case 0x20: *dst = a * b; return true;
	case 0x30: *dst = b ? a / b : 0; return true;
	case 0x40: *dst = a | b; return true;
	case 0x50: *dst = a & b; return true;
	case 0x60: *dst = a << (b & 63); return true;
	case 0x70: *dst = a >> (b & 63); return true;
	case 0x90: *dst = b ? a % b : a; return true;
	case 0xa0: *dst = a ^ b; return true;
	case 0xb0: *dst = b; return true;
	case 0xc0: *dst = (uint64_t)(sa >> (b & 63)); return true;
	default: return false;
	}
}

EXPANDED bool alu32(uint64_t *dst, uint32_t b, uint8_t op, int off)
{
	uint32_t a = (uint32_t)*dst;
	int32_t sa = (int32_t)a, sb = (int32_t)b;
	if (off == 1) {
		if (op != 0x30 && op != 0x90)
			return false;
		if (op == 0x30)
			*dst = !b ? 0 : sb == -1 ? (uint32_t)-a : (uint32_t)(sa / sb);
		else
			*dst = !b ? a : sb == -1 ? 0 : (uint32_t)(sa % sb);
		return true;
	}
	if (off)
		return false;
	switch (op) {
	case 0x00: *dst = (uint32_t)(a + b); return true;
	case 0x10: *dst = (uint32_t)(a - b); return true;
	case 0x20: *dst = (uint32_t)(a * b); return true;
	case 0x30: *dst = b ? a / b : 0; return true;
	case 0x40: *dst = a | b; return true;
	case 0x50: *dst = a & b; return true;
	case 0x60: *dst = (uint32_t)(a << (b & 31)); return true;
	case 0x70: *dst = a >> (b & 31); return true;
	case 0x90: *dst = b ? a % b : a; return true;
	case 0xa0: *dst = a ^ b; return true;
	case 0xb0: *dst = b; return true;
	case 0xc0: *dst = (uint32_t)(sa >> (b & 31)); return true;
	default: return false;
	}
}

/* ALU and ALU64. False for what has no meaning. */
EXPANDED bool interpret_alu(uint64_t *regs, uint8_t code, int dst, int src, int off, int32_t imm)
{
	bool wide = (code & 7) == 7, reg = code & 8;
	uint8_t op = code & 0xf0;
	uint64_t *d = &regs[dst];
	if (op == 0xd0) { /* byte swap: to little endian only truncates */
		if (imm != 16 && imm != 32 && imm != 64)
			return false;
		if (wide && reg)
			return false;
		*d = wide || reg ? swap(*d, imm) : imm == 64 ? *d : *d & ((1ull << imm) - 1);
		return true;
	}
	if (op == 0x80) { /* negation */
		if (reg)
			return false;
		*d = wide ? -*d : (uint32_t)-*d;
		return true;
	}
	if (op == 0xb0 && reg && off) { /* sign extension */
		uint64_t s = regs[src];
		uint64_t value = off == 8 ? (uint64_t)(int8_t)s : off == 16 ? (uint64_t)(int16_t)s : (uint64_t)(int32_t)s;
		if (off != 8 && off != 16 && (off != 32 || !wide))
			return false;
		*d = wide ? value : (uint32_t)value;
		return true;
	}
	return wide ? alu64(d, reg ? regs[src] : (uint64_t)(int64_t)imm, op, off) :
		      alu32(d, reg ? (uint32_t)regs[src] : (uint32_t)imm, op, off);
}

EXPANDED int taken(uint8_t op, uint64_t a, uint64_t b, int64_t sa, int64_t sb)
{
	switch (op) {
	case 0x10: return a == b;
	case 0x20: return a > b;
	case 0x30: return a >= b;
	case 0x40: return (a & b) != 0;
	case 0x50: return a != b;
	case 0x60: return sa > sb;
	case 0x70: return sa >= sb;
	case 0xa0: return a < b;
	case 0xb0: return a <= b;
	case 0xc0: return sa < sb;
	case 0xd0: return sa <= sb;
	default: return -1;
	}
}

/* Whether a conditional jump of JMP or JMP32 is taken; -1 for what has no meaning. */
EXPANDED int interpret_condition(const uint64_t *regs, uint8_t code, int dst, int src, int32_t imm)
{
	uint64_t a = regs[dst], b = code & 8 ? regs[src] : (uint64_t)(int64_t)imm;
	if ((code & 7) == 5)
		return taken(code & 0xf0, a, b, (int64_t)a, (int64_t)b);
	return taken(code & 0xf0, (uint32_t)a, (uint32_t)b, (int32_t)a, (int32_t)b);
}

#endif
