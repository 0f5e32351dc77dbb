import { imm8, imm32, isImm8 } from '../x86/operands';
import { r32, r64 } from '../x86/registers';
import type { Sink } from '../x86/sink';

const reg = (is64: boolean, num: number) => (is64 ? r64(num) : r32(num));

export function emitCmpReg(out: Sink, is64: boolean, a: number, b: number): void {
  out.put(is64 ? 'cmp r64, r64' : 'cmp r32, r32', reg(is64, a), reg(is64, b));
}

export function emitTestReg(out: Sink, is64: boolean, a: number, b: number): void {
  out.put(is64 ? 'test r64, r64' : 'test r32, r32', reg(is64, a), reg(is64, b));
}

/** Comparison with an immediate; with 0 it is `test r, r`. */
export function emitCmpImm(out: Sink, is64: boolean, a: number, value: number): void {
  if (value === 0) emitTestReg(out, is64, a, a);
  else if (isImm8(value)) out.put(is64 ? 'cmp r64, imm8' : 'cmp r32, imm8', reg(is64, a), imm8(value));
  else out.put(is64 ? 'cmp r64, imm32' : 'cmp r32, imm32', reg(is64, a), imm32(value));
}

export function emitTestImm(out: Sink, is64: boolean, a: number, value: number): void {
  out.put(is64 ? 'test r64, imm32' : 'test r32, imm32', reg(is64, a), imm32(value));
}
