import { imm8, imm16, imm32, isImm8, type Mem, memDisp8, memDisp32, memIndex } from '../x86/operands';
import { r8, r16, r32, r64 } from '../x86/registers';
import type { Sink } from '../x86/sink';

export type AccessBytes = 1 | 2 | 4 | 8;

/**
 * `[base + off]`, with `index` `[base + index*1 + off]`. The kernel always writes a displacement, also one of 0, and
 * takes 8 bits when they suffice (emit_insn_suffix()).
 */
export function memOperand(base: number, off: number, index: number | null = null): Mem {
  if (index !== null) return memIndex(base, index, 1, off, isImm8(off) ? 8 : 32);
  return isImm8(off) ? memDisp8(base, off) : memDisp32(base, off);
}

/** A zero-extending load (emit_ldx()). */
export function emitLdx(out: Sink, bytes: AccessBytes, dst: number, mem: Mem): void {
  if (bytes === 1) out.put('movzx r64, m8', r64(dst), mem);
  else if (bytes === 2) out.put('movzx r64, m16', r64(dst), mem);
  else if (bytes === 4) out.put('mov r32, m32', r32(dst), mem);
  else out.put('mov r64, m64', r64(dst), mem);
}

/** A zero-extending load through an index register: the kernel leaves REX.W out there (emit_ldx_index()). */
export function emitLdxIndex(out: Sink, bytes: AccessBytes, dst: number, mem: Mem): void {
  if (bytes === 1) out.put('movzx r32, m8', r32(dst), mem);
  else if (bytes === 2) out.put('movzx r32, m16', r32(dst), mem);
  else emitLdx(out, bytes, dst, mem);
}

/** A sign-extending load (emit_ldsx()). */
export function emitLdsx(out: Sink, bytes: 1 | 2 | 4, dst: number, mem: Mem): void {
  if (bytes === 1) out.put('movsx r64, m8', r64(dst), mem);
  else if (bytes === 2) out.put('movsx r64, m16', r64(dst), mem);
  else out.put('movsxd r64, m32', r64(dst), mem);
}

/** A store of a register (emit_stx()). */
export function emitStx(out: Sink, bytes: AccessBytes, mem: Mem, src: number): void {
  if (bytes === 1) out.put('mov m8, r8', mem, r8(src));
  else if (bytes === 2) out.put('mov m16, r16', mem, r16(src));
  else if (bytes === 4) out.put('mov m32, r32', mem, r32(src));
  else out.put('mov m64, r64', mem, r64(src));
}

/** A store of an immediate, sign-extended to 64 bits. */
export function emitSt(out: Sink, bytes: AccessBytes, mem: Mem, value: number): void {
  if (bytes === 1) out.put('mov m8, imm8', mem, imm8(value));
  else if (bytes === 2) out.put('mov m16, imm16', mem, imm16(value));
  else if (bytes === 4) out.put('mov m32, imm32', mem, imm32(value));
  else out.put('mov m64, imm32', mem, imm32(value));
}
