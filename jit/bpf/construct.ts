import { type Insn, insnOf } from './insn';
import { HELPERS } from './names';
import {
  BPF_ADD,
  BPF_ADDR_SPACE_CAST,
  BPF_ALU,
  BPF_ALU64,
  BPF_AND,
  BPF_ARSH,
  BPF_ATOMIC,
  BPF_B,
  BPF_CALL,
  BPF_CMPXCHG,
  BPF_DIV,
  BPF_DW,
  BPF_END,
  BPF_EXIT,
  BPF_FETCH,
  BPF_H,
  BPF_HELPER_CALL,
  BPF_IMM,
  BPF_JA,
  BPF_JCOND,
  BPF_JEQ,
  BPF_JGE,
  BPF_JGT,
  BPF_JLE,
  BPF_JLT,
  BPF_JMP,
  BPF_JMP32,
  BPF_JNE,
  BPF_JSET,
  BPF_JSGE,
  BPF_JSGT,
  BPF_JSLE,
  BPF_JSLT,
  BPF_K,
  BPF_LD,
  BPF_LDX,
  BPF_LOAD_ACQ,
  BPF_LSH,
  BPF_MEM,
  BPF_MEMSX,
  BPF_MOD,
  BPF_MOV,
  BPF_MUL,
  BPF_NEG,
  BPF_OR,
  BPF_PSEUDO_CALL,
  BPF_PSEUDO_FUNC,
  BPF_PSEUDO_KFUNC_CALL,
  BPF_PSEUDO_MAP_FD,
  BPF_PSEUDO_MAP_VALUE,
  BPF_REG_AX,
  BPF_RSH,
  BPF_ST,
  BPF_STORE_REL,
  BPF_STX,
  BPF_SUB,
  BPF_TO_BE,
  BPF_TO_LE,
  BPF_W,
  BPF_X,
  BPF_XCHG,
  BPF_XOR,
} from './opcodes';

/**
 * Instructions as functions, for code and tests: `add64('r1', 5)`, `add64('r1', 'r2')`, `ldx32('r0', 'r10', -8)`.
 *
 * A name ends in the width of the operation or of the access. An operand that is a string is a register, one that is a
 * number is an immediate. Nothing is checked here: validateProgram() is the edge that rejects.
 */

/** A BPF register; `ax` is the verifier's own. */
export type Register = 'r0' | 'r1' | 'r2' | 'r3' | 'r4' | 'r5' | 'r6' | 'r7' | 'r8' | 'r9' | 'r10' | 'ax';

const number = (register: Register): number => (register === 'ax' ? BPF_REG_AX : Number(register.slice(1)));

function insn(code: number, { dst = 0, src = 0, off = 0, imm = 0, imm64 }: Partial<Insn> = {}): Insn {
  return imm64 === undefined ? insnOf(code, dst, src, off, imm) : { code, dst, src, off, imm, imm64 };
}

/** The part of an instruction in which a register and an immediate differ. */
const source = (operand: Register | number): [code: number, fields: Partial<Insn>] =>
  typeof operand === 'number' ? [BPF_K, { imm: operand }] : [BPF_X, { src: number(operand) }];

type Binary = (dst: Register, operand: Register | number) => Insn;

const binary =
  (kind: number, op: number, off = 0): Binary =>
  (dst, operand) => {
    const [code, fields] = source(operand);
    return insn(kind | op | code, { dst: number(dst), off, ...fields });
  };

export const mov64 = binary(BPF_ALU64, BPF_MOV);
export const add64 = binary(BPF_ALU64, BPF_ADD);
export const sub64 = binary(BPF_ALU64, BPF_SUB);
export const mul64 = binary(BPF_ALU64, BPF_MUL);
export const div64 = binary(BPF_ALU64, BPF_DIV);
export const sdiv64 = binary(BPF_ALU64, BPF_DIV, 1);
export const mod64 = binary(BPF_ALU64, BPF_MOD);
export const smod64 = binary(BPF_ALU64, BPF_MOD, 1);
export const or64 = binary(BPF_ALU64, BPF_OR);
export const and64 = binary(BPF_ALU64, BPF_AND);
export const xor64 = binary(BPF_ALU64, BPF_XOR);
export const lsh64 = binary(BPF_ALU64, BPF_LSH);
export const rsh64 = binary(BPF_ALU64, BPF_RSH);
export const arsh64 = binary(BPF_ALU64, BPF_ARSH);

export const mov32 = binary(BPF_ALU, BPF_MOV);
export const add32 = binary(BPF_ALU, BPF_ADD);
export const sub32 = binary(BPF_ALU, BPF_SUB);
export const mul32 = binary(BPF_ALU, BPF_MUL);
export const div32 = binary(BPF_ALU, BPF_DIV);
export const sdiv32 = binary(BPF_ALU, BPF_DIV, 1);
export const mod32 = binary(BPF_ALU, BPF_MOD);
export const smod32 = binary(BPF_ALU, BPF_MOD, 1);
export const or32 = binary(BPF_ALU, BPF_OR);
export const and32 = binary(BPF_ALU, BPF_AND);
export const xor32 = binary(BPF_ALU, BPF_XOR);
export const lsh32 = binary(BPF_ALU, BPF_LSH);
export const rsh32 = binary(BPF_ALU, BPF_RSH);
export const arsh32 = binary(BPF_ALU, BPF_ARSH);

export const neg64 = (dst: Register): Insn => insn(BPF_ALU64 | BPF_NEG, { dst: number(dst) });
export const neg32 = (dst: Register): Insn => insn(BPF_ALU | BPF_NEG, { dst: number(dst) });

const unary = (code: number, dst: Register, imm: number): Insn => insn(code, { dst: number(dst), imm });
export const le = (dst: Register, bits: 16 | 32 | 64): Insn => unary(BPF_ALU | BPF_END | BPF_TO_LE, dst, bits);
export const be = (dst: Register, bits: 16 | 32 | 64): Insn => unary(BPF_ALU | BPF_END | BPF_TO_BE, dst, bits);
export const bswap = (dst: Register, bits: 16 | 32 | 64): Insn => unary(BPF_ALU64 | BPF_END, dst, bits);

const move = (kind: number, dst: Register, src: Register, off: number, imm = 0): Insn =>
  insn(kind | BPF_MOV | BPF_X, { dst: number(dst), src: number(src), off, imm });
/** Sign-extending moves from the lower `bits`. */
export const movsx64 = (dst: Register, src: Register, bits: 8 | 16 | 32): Insn => move(BPF_ALU64, dst, src, bits);
export const movsx32 = (dst: Register, src: Register, bits: 8 | 16): Insn => move(BPF_ALU, dst, src, bits);
/** Between the arena's address space, 1, and the kernel's, 0. */
export const castToKernel = (dst: Register, src: Register): Insn => move(BPF_ALU64, dst, src, BPF_ADDR_SPACE_CAST, 1);
export const castToUser = (dst: Register, src: Register): Insn =>
  move(BPF_ALU64, dst, src, BPF_ADDR_SPACE_CAST, 1 << 16);

const load =
  (mode: number, size: number) =>
  (dst: Register, base: Register, off = 0): Insn =>
    insn(BPF_LDX | mode | size, { dst: number(dst), src: number(base), off });
export const ldx8 = load(BPF_MEM, BPF_B);
export const ldx16 = load(BPF_MEM, BPF_H);
export const ldx32 = load(BPF_MEM, BPF_W);
export const ldx64 = load(BPF_MEM, BPF_DW);
/** Sign-extending loads. */
export const ldxs8 = load(BPF_MEMSX, BPF_B);
export const ldxs16 = load(BPF_MEMSX, BPF_H);
export const ldxs32 = load(BPF_MEMSX, BPF_W);

const storeRegister =
  (size: number) =>
  (base: Register, off: number, src: Register): Insn =>
    insn(BPF_STX | BPF_MEM | size, { dst: number(base), src: number(src), off });
export const stx8 = storeRegister(BPF_B);
export const stx16 = storeRegister(BPF_H);
export const stx32 = storeRegister(BPF_W);
export const stx64 = storeRegister(BPF_DW);

const storeImmediate =
  (size: number) =>
  (base: Register, off: number, imm: number): Insn =>
    insn(BPF_ST | BPF_MEM | size, { dst: number(base), off, imm });
export const st8 = storeImmediate(BPF_B);
export const st16 = storeImmediate(BPF_H);
export const st32 = storeImmediate(BPF_W);
export const st64 = storeImmediate(BPF_DW);

const atomic =
  (imm: number, size: number) =>
  (base: Register, off: number, src: Register): Insn =>
    insn(BPF_STX | BPF_ATOMIC | size, { dst: number(base), src: number(src), off, imm });
export const atomicAdd64 = atomic(BPF_ADD, BPF_DW);
export const atomicOr64 = atomic(BPF_OR, BPF_DW);
export const atomicAnd64 = atomic(BPF_AND, BPF_DW);
export const atomicXor64 = atomic(BPF_XOR, BPF_DW);
export const fetchAdd64 = atomic(BPF_ADD | BPF_FETCH, BPF_DW);
export const fetchOr64 = atomic(BPF_OR | BPF_FETCH, BPF_DW);
export const fetchAnd64 = atomic(BPF_AND | BPF_FETCH, BPF_DW);
export const fetchXor64 = atomic(BPF_XOR | BPF_FETCH, BPF_DW);
export const xchg64 = atomic(BPF_XCHG, BPF_DW);
export const cmpxchg64 = atomic(BPF_CMPXCHG, BPF_DW);
export const atomicAdd32 = atomic(BPF_ADD, BPF_W);
export const atomicOr32 = atomic(BPF_OR, BPF_W);
export const atomicAnd32 = atomic(BPF_AND, BPF_W);
export const atomicXor32 = atomic(BPF_XOR, BPF_W);
export const fetchAdd32 = atomic(BPF_ADD | BPF_FETCH, BPF_W);
export const fetchOr32 = atomic(BPF_OR | BPF_FETCH, BPF_W);
export const fetchAnd32 = atomic(BPF_AND | BPF_FETCH, BPF_W);
export const fetchXor32 = atomic(BPF_XOR | BPF_FETCH, BPF_W);
export const xchg32 = atomic(BPF_XCHG, BPF_W);
export const cmpxchg32 = atomic(BPF_CMPXCHG, BPF_W);
export const storeRelease8 = atomic(BPF_STORE_REL, BPF_B);
export const storeRelease16 = atomic(BPF_STORE_REL, BPF_H);
export const storeRelease32 = atomic(BPF_STORE_REL, BPF_W);
export const storeRelease64 = atomic(BPF_STORE_REL, BPF_DW);

const acquire =
  (size: number) =>
  (dst: Register, base: Register, off = 0): Insn =>
    insn(BPF_STX | BPF_ATOMIC | size, { dst: number(dst), src: number(base), off, imm: BPF_LOAD_ACQ });
export const loadAcquire8 = acquire(BPF_B);
export const loadAcquire16 = acquire(BPF_H);
export const loadAcquire32 = acquire(BPF_W);
export const loadAcquire64 = acquire(BPF_DW);

/** ld_imm64: two slots. Negative numbers are taken as 64 bits. */
export const ldImm64 = (dst: Register, value: bigint | number): Insn => wide(dst, 0, BigInt(value));
/** The address of a map, by index. */
export const ldMap = (dst: Register, map: number): Insn => wide(dst, BPF_PSEUDO_MAP_FD, BigInt(map));
/** An address inside a map's first value. */
export const ldMapValue = (dst: Register, map: number, offset: number): Insn =>
  wide(dst, BPF_PSEUDO_MAP_VALUE, (BigInt(offset) << 32n) | BigInt(map));
/** The address of a callback, by index of the subprog. */
export const ldFunc = (dst: Register, subprog: number): Insn => wide(dst, BPF_PSEUDO_FUNC, BigInt(subprog));

const wide = (dst: Register, src: number, value: bigint): Insn =>
  insn(BPF_LD | BPF_IMM | BPF_DW, { dst: number(dst), src, imm64: BigInt.asUintN(64, value) });

type Conditional = (dst: Register, operand: Register | number, distance: number) => Insn;

/** Distances count slots from the next instruction. */
const conditional =
  (kind: number, op: number): Conditional =>
  (dst, operand, distance) => {
    const [code, fields] = source(operand);
    return insn(kind | op | code, { dst: number(dst), off: distance, ...fields });
  };

export const jeq64 = conditional(BPF_JMP, BPF_JEQ);
export const jne64 = conditional(BPF_JMP, BPF_JNE);
export const jgt64 = conditional(BPF_JMP, BPF_JGT);
export const jge64 = conditional(BPF_JMP, BPF_JGE);
export const jlt64 = conditional(BPF_JMP, BPF_JLT);
export const jle64 = conditional(BPF_JMP, BPF_JLE);
export const jsgt64 = conditional(BPF_JMP, BPF_JSGT);
export const jsge64 = conditional(BPF_JMP, BPF_JSGE);
export const jslt64 = conditional(BPF_JMP, BPF_JSLT);
export const jsle64 = conditional(BPF_JMP, BPF_JSLE);
export const jset64 = conditional(BPF_JMP, BPF_JSET);

export const jeq32 = conditional(BPF_JMP32, BPF_JEQ);
export const jne32 = conditional(BPF_JMP32, BPF_JNE);
export const jgt32 = conditional(BPF_JMP32, BPF_JGT);
export const jge32 = conditional(BPF_JMP32, BPF_JGE);
export const jlt32 = conditional(BPF_JMP32, BPF_JLT);
export const jle32 = conditional(BPF_JMP32, BPF_JLE);
export const jsgt32 = conditional(BPF_JMP32, BPF_JSGT);
export const jsge32 = conditional(BPF_JMP32, BPF_JSGE);
export const jslt32 = conditional(BPF_JMP32, BPF_JSLT);
export const jsle32 = conditional(BPF_JMP32, BPF_JSLE);
export const jset32 = conditional(BPF_JMP32, BPF_JSET);

/** `goto`, with 16 bits of distance. */
export const goto = (distance: number): Insn => insn(BPF_JMP | BPF_JA, { off: distance });
/** `gotol`, with 32 bits of distance. */
export const gotol = (distance: number): Insn => insn(BPF_JMP32 | BPF_JA, { imm: distance });
/** `may_goto`: jumps when the loop has run long enough. */
export const mayGoto = (distance: number): Insn => insn(BPF_JMP | BPF_JCOND, { off: distance });
export const exit = (): Insn => insn(BPF_JMP | BPF_EXIT);

const call = (src: number, imm: number): Insn => insn(BPF_JMP | BPF_CALL, { src, imm });
export const callSubprog = (index: number): Insn => call(BPF_PSEUDO_CALL, index);
/** By index in the program's table of kfuncs. */
export const callKfunc = (index: number): Insn => call(BPF_PSEUDO_KFUNC_CALL, index);
/** By id, or by name; an unknown name gives id 0, which is never valid. */
export const callHelper = (helper: number | string): Insn =>
  call(BPF_HELPER_CALL, typeof helper === 'number' ? helper : (HELPERS.id(helper) ?? 0));
