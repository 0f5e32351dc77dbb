/* Functions of the kernel that are modelled here, for runs of which nobody keeps a record. */
#ifndef PRIVSTACK_MODELS_H
#define PRIVSTACK_MODELS_H

#include "engine.h"

/* Bytes of kernel stack between what C was called from, and the return address of what it calls. */
enum { C_FRAME = 256 };
enum { RCX = 1, RDX = 2, RBX = 3, RBP = 5, RSI = 6, RDI = 7, R8 = 8, R12 = 12 };

/* A bijection that spreads every bit (the finalizer of SplitMix64, by Vigna): junk that looks like nothing else. */
static inline uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

/* Never a canonical address: whoever uses it as a pointer is found out. */
static inline uint64_t junk(struct engine *e)
{
	return (mix(e->common->junk + ++e->model_junk) & 0x3fffffffffffffffu) | 0x4000000000000000u;
}

/* Where the stack goes on that C code uses which was called with @rsp; aligned as behind a call. */
static inline uint64_t c_stack(uint64_t rsp)
{
	return ((rsp - C_FRAME) & ~(uint64_t)15) - 8;
}

#endif
