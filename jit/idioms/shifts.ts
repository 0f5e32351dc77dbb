import { imm8 } from '../x86/operands';
import { Gpr, r32, r64 } from '../x86/registers';
import type { Sink } from '../x86/sink';
import { emitMovReg } from './moves';

export type ShiftMnemonic = 'shl' | 'shr' | 'sar';

function rows<M extends ShiftMnemonic>(mnemonic: M) {
  return {
    one: [`${mnemonic} r32, 1`, `${mnemonic} r64, 1`],
    imm8: [`${mnemonic} r32, imm8`, `${mnemonic} r64, imm8`],
    cl: [`${mnemonic} r32, cl`, `${mnemonic} r64, cl`],
    bmi2: [`${mnemonic}x r32, r32, r32`, `${mnemonic}x r64, r64, r64`],
  } as const;
}

const SHIFTS = { shl: rows('shl'), shr: rows('shr'), sar: rows('sar') };

const reg = (is64: boolean, num: number) => (is64 ? r64(num) : r32(num));

export function emitShiftImm(out: Sink, mnemonic: ShiftMnemonic, is64: boolean, dst: number, count: number): void {
  const { one, imm8: by } = SHIFTS[mnemonic];
  if (count === 1) out.put(one[is64 ? 1 : 0], reg(is64, dst));
  else out.put(by[is64 ? 1 : 0], reg(is64, dst), imm8(count));
}

/** A shift by a register: BMI2's three-operand form, or through cl, which has to be lent by whoever lives in rcx. */
export function emitShiftReg(
  out: Sink,
  mnemonic: ShiftMnemonic,
  is64: boolean,
  { dst, src, bmi2, scratch }: { dst: number; src: number; bmi2: boolean; scratch: number },
): void {
  const { rcx } = Gpr;
  const width = is64 ? 1 : 0;
  if (bmi2 && src !== rcx) {
    out.put(SHIFTS[mnemonic].bmi2[width], reg(is64, dst), reg(is64, dst), reg(is64, src));
    return;
  }
  const shifted = src !== rcx && dst === rcx ? scratch : dst;
  if (src !== rcx) {
    if (dst === rcx) emitMovReg(out, true, scratch, dst);
    else out.put('push r64', r64(rcx));
    emitMovReg(out, true, rcx, src);
  }
  out.put(SHIFTS[mnemonic].cl[width], reg(is64, shifted));
  if (src !== rcx) {
    if (dst === rcx) emitMovReg(out, true, dst, scratch);
    else out.put('pop r64', r64(rcx));
  }
}
