import { imm32, imm64, type SymbolRef } from '../x86/operands';
import { r32, r64 } from '../x86/registers';
import type { Sink } from '../x86/sink';

/** `xor r32, r32` for zero, `mov r64, imm32` when a negative value is to be sign-extended, else `mov r32, imm32`. */
export function emitMovImm32(out: Sink, dst: number, signExtend: boolean, value: number): void {
  if (signExtend && value < 0) out.put('mov r64, imm32', r64(dst), imm32(value));
  else if (value === 0) out.put('xor r32, r32', r32(dst), r32(dst));
  else out.put('mov r32, imm32', r32(dst), imm32(value));
}

/**
 * The shortest of the kernel's ways to load `value` (emit_mov_imm64()): what fits 32 bits unsigned is zero-extended,
 * what fits 32 bits signed is sign-extended, the rest takes ten bytes.
 */
export function emitMovImm64(out: Sink, dst: number, value: bigint, symbol?: SymbolRef): void {
  const signed = BigInt.asIntN(64, value);
  const low = Number(BigInt.asIntN(32, value));
  if (BigInt.asUintN(32, value) === BigInt.asUintN(64, value)) {
    if (low === 0) out.put('xor r32, r32', r32(dst), r32(dst));
    else out.put('mov r32, imm32', r32(dst), imm32(low, symbol));
  } else if (BigInt(low) === signed) out.put('mov r64, imm32', r64(dst), imm32(low, symbol));
  else out.put('mov r64, imm64', r64(dst), imm64(BigInt.asUintN(64, value), symbol));
}

/** A register move; one of 64 bits to itself is left out, one of 32 bits clears the upper half and stays. */
export function emitMovReg(out: Sink, is64: boolean, dst: number, src: number): void {
  if (!is64) out.put('mov r32, r32', r32(dst), r32(src));
  else if (dst !== src) out.put('mov r64, r64', r64(dst), r64(src));
}
