import { imm8, imm32, isImm8 } from '../x86/operands';
import { Gpr, r16, r32, r64 } from '../x86/registers';
import type { Sink } from '../x86/sink';
import { emitMovReg } from './moves';

/** Two-operand arithmetic that exists with a register, an 8-bit, a 32-bit and an accumulator form. */
export type AluMnemonic = 'add' | 'sub' | 'or' | 'and' | 'xor';

const ALU = {
  add: names('add'),
  sub: names('sub'),
  or: names('or'),
  and: names('and'),
  xor: names('xor'),
};

/** The rows of one mnemonic at both widths, index 0 for 32 and 1 for 64 bits. */
function names<M extends AluMnemonic>(mnemonic: M) {
  return {
    rr: [`${mnemonic} r32, r32`, `${mnemonic} r64, r64`],
    imm8: [`${mnemonic} r32, imm8`, `${mnemonic} r64, imm8`],
    imm32: [`${mnemonic} r32, imm32`, `${mnemonic} r64, imm32`],
    acc: [`${mnemonic} eax, imm32`, `${mnemonic} rax, imm32`],
  } as const;
}

const reg = (is64: boolean, num: number) => (is64 ? r64(num) : r32(num));

export function emitAluReg(out: Sink, mnemonic: AluMnemonic, is64: boolean, dst: number, src: number): void {
  out.put(ALU[mnemonic].rr[is64 ? 1 : 0], reg(is64, dst), reg(is64, src));
}

/** Immediates that fit 8 bits take them; with rax the accumulator form is one byte shorter. */
export function emitAluImm(out: Sink, mnemonic: AluMnemonic, is64: boolean, dst: number, value: number): void {
  const rows = ALU[mnemonic];
  const width = is64 ? 1 : 0;
  if (isImm8(value)) out.put(rows.imm8[width], reg(is64, dst), imm8(value));
  else if (dst === Gpr.rax) out.put(rows.acc[width], imm32(value));
  else out.put(rows.imm32[width], reg(is64, dst), imm32(value));
}

export function emitNeg(out: Sink, is64: boolean, dst: number): void {
  out.put(is64 ? 'neg r64' : 'neg r32', reg(is64, dst));
}

export function emitMulReg(out: Sink, is64: boolean, dst: number, src: number): void {
  out.put(is64 ? 'imul r64, r64' : 'imul r32, r32', reg(is64, dst), reg(is64, src));
}

export function emitMulImm(out: Sink, is64: boolean, dst: number, value: number): void {
  const d = reg(is64, dst);
  if (isImm8(value)) out.put(is64 ? 'imul r64, r64, imm8' : 'imul r32, r32, imm8', d, d, imm8(value));
  else out.put(is64 ? 'imul r64, r64, imm32' : 'imul r32, r32, imm32', d, d, imm32(value));
}

export interface Division {
  readonly is64: boolean;
  readonly signed: boolean;
  readonly result: 'quotient' | 'remainder';
  readonly dst: number;
  /** A register, or an immediate that is sign-extended. */
  readonly divisor: { readonly reg: number } | { readonly imm: number };
  readonly scratch: number;
}

/**
 * Division by way of rdx:rax, both saved unless one is the destination; a divisor that is an immediate or stands in
 * one of them goes to the scratch register. Zero divisors are the verifier's concern.
 */
export function emitDivision(out: Sink, { is64, signed, result, dst, divisor, scratch }: Division): void {
  const { rax, rdx } = Gpr;
  if (dst !== rax) out.put('push r64', r64(rax));
  if (dst !== rdx) out.put('push r64', r64(rdx));
  let by = scratch;
  if ('imm' in divisor) out.put('mov r64, imm32', r64(scratch), imm32(divisor.imm));
  else if (divisor.reg === rax || divisor.reg === rdx) out.put('mov r64, r64', r64(scratch), r64(divisor.reg));
  else by = divisor.reg;
  if (dst !== rax) emitMovReg(out, is64, rax, dst);
  if (signed) {
    out.put(is64 ? 'cqo' : 'cdq');
    out.put(is64 ? 'idiv r64' : 'idiv r32', reg(is64, by));
  } else {
    out.put('xor r32, r32', r32(rdx), r32(rdx));
    out.put(is64 ? 'div r64' : 'div r32', reg(is64, by));
  }
  const from = result === 'quotient' ? rax : rdx;
  if (dst !== from) emitMovReg(out, is64, dst, from);
  if (dst !== rdx) out.put('pop r64', r64(rdx));
  if (dst !== rax) out.put('pop r64', r64(rax));
}

/** Swaps the low `bits` of a register; 16 bits are zero-extended (BPF_END to big endian, and bswap). */
export function emitBswap(out: Sink, bits: 16 | 32 | 64, dst: number): void {
  if (bits === 16) {
    out.put('ror r16, imm8', r16(dst), imm8(8));
    out.put('movzx r32, r16', r32(dst), r16(dst));
  } else if (bits === 32) out.put('bswap r32', r32(dst));
  else out.put('bswap r64', r64(dst));
}

/** Cuts a register to its low `bits` (BPF_END to little endian, on a little-endian machine). */
export function emitTruncate(out: Sink, bits: 16 | 32 | 64, dst: number): void {
  if (bits === 16) out.put('movzx r32, r16', r32(dst), r16(dst));
  else if (bits === 32) out.put('mov r32, r32', r32(dst), r32(dst));
}
