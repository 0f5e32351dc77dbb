import type { Form, FormName } from './forms';
import type { Mem, Operand } from './operands';
import {
  dispValue,
  gsValue,
  hex,
  imm64Value,
  immValue,
  isSignExtended,
  type PrintContext,
  shownText,
  signed,
  targetValue,
  unsigned,
  widthAt,
} from './print-values';
import { GPR_NAMES } from './registers';

/** Mnemonics that do not follow from the Intel one by a suffix, and the nops' whole texts. */
const NAMES: Readonly<Partial<Record<FormName, string>>> = {
  cdq: 'cltd',
  cqo: 'cqto',
  ret: 'retq',
  'call rel32': 'callq',
  'mov r64, imm64': 'movabsq',
  'movsxd r64, r32': 'movslq',
  'movsxd r64, m32': 'movslq',
  nop1: 'nop',
  nop2: 'nop',
  nop3: 'nopl (%rax)',
  nop4: 'nopl (%rax)',
  nop5: 'nopl (%rax,%rax)',
};

const SUFFIXES: Readonly<Record<number, string>> = { 8: 'b', 16: 'w', 32: 'l', 64: 'q' };

/** The mnemonic with the width of the operation; movzx and movsx tell both widths, the source's first. */
function mnemonicOf(form: Form): string {
  const name = NAMES[form.name];
  if (name !== undefined) return name;
  if (form.parts.length === 0 || form.kinds[0]?.startsWith('rel')) return form.mnemonic;
  const suffix = SUFFIXES[widthAt(form, 0)]!;
  const extension = /^(mov[sz])x$/.exec(form.mnemonic);
  return extension ? extension[1]! + SUFFIXES[widthAt(form, 1)]! + suffix : form.mnemonic + suffix;
}

/** LLVM leaves out a displacement of zero and a scale of one. */
function memText(mem: Mem): string {
  const disp = dispValue(mem);
  const scale = mem.scale === 1 ? '' : `,${mem.scale}`;
  const index = mem.index === null ? '' : `,%${GPR_NAMES[mem.index]}${scale}`;
  return `${disp === 0 ? '' : hex(disp)}(%${GPR_NAMES[mem.base]}${index})`;
}

function operandText(form: Form, operand: Operand, ctx: PrintContext): string {
  switch (operand.kind) {
    case 'reg':
      return form.mnemonic === 'jmp' ? `*%${operand.name}` : `%${operand.name}`;
    case 'imm': {
      const isSigned = isSignExtended(form, operand) || form.kinds[0] === 'm8';
      const known = (isSigned ? signed : unsigned)(operand.value, operand.width);
      return `$${shownText(immValue(operand, ctx, known))}`;
    }
    case 'imm64':
      return `$${shownText(imm64Value(operand, ctx, BigInt.asIntN(64, operand.value)))}`;
    case 'mem':
      return memText(operand);
    case 'gs': {
      const address = gsValue(operand, ctx);
      return `%gs:${typeof address === 'string' ? address : hex(BigInt.asIntN(64, BigInt(address)))}`;
    }
    case 'rel':
      return shownText(targetValue(operand, ctx));
  }
}

/**
 * One instruction in AT&T syntax, as LLVM's disassembler prints it with hexadecimal immediates: the dialect of the
 * kernel selftests' `__jited` lines.
 */
export function printAtt(form: Form, operands: readonly Operand[], ctx: PrintContext = {}): string {
  const texts: string[] = [];
  let next = 0;
  for (const part of form.parts) {
    if (typeof part === 'string') texts.push(operandText(form, operands[next++]!, ctx));
    // A shift by the literal 1 has no operand for it.
    else if (part.fixed !== '1') texts.push(`%${part.fixed}`);
  }
  const mnemonic = mnemonicOf(form);
  return texts.length === 0 ? mnemonic : `${mnemonic} ${texts.reverse().join(', ')}`;
}
