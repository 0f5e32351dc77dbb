import type { Form, FormName, OperandKind } from './forms';
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
} from './print-values';
import { GPR_NAMES } from './registers';

/** Rows whose text is not their name: the nops are instructions with operands, as objdump shows them. */
const TEXTS: Readonly<Partial<Record<FormName, string>>> = {
  nop1: 'nop',
  nop2: 'xchg ax, ax',
  nop3: 'nop dword ptr [rax]',
  nop4: 'nop dword ptr [rax+0x0]',
  nop5: 'nop dword ptr [rax+rax*1+0x0]',
};

const SIZES: Readonly<Partial<Record<OperandKind, string>>> = { m8: 'byte', m16: 'word', m32: 'dword', m64: 'qword' };

/** A displacement that is encoded is shown, also when it is zero: it is a byte of the image. */
function memText(mem: Mem): string {
  const index = mem.index === null ? '' : `+${GPR_NAMES[mem.index]}*${mem.scale}`;
  const disp = dispValue(mem);
  const text = mem.dispWidth === 0 ? '' : disp < 0 ? hex(disp) : `+${hex(disp)}`;
  return `[${GPR_NAMES[mem.base]}${index}${text}]`;
}

function operandText(form: Form, kind: OperandKind, operand: Operand, ctx: PrintContext): string {
  switch (operand.kind) {
    case 'reg':
      return operand.name;
    case 'imm': {
      const known = isSignExtended(form, operand) ? signed : unsigned;
      return shownText(immValue(operand, ctx, known(operand.value, operand.width)));
    }
    case 'imm64':
      return shownText(imm64Value(operand, ctx, BigInt.asUintN(64, operand.value)));
    case 'mem':
      // lea reads no memory, so there is no size to tell.
      return form.mnemonic === 'lea' ? memText(operand) : `${SIZES[kind]} ptr ${memText(operand)}`;
    case 'gs': {
      const address = gsValue(operand, ctx);
      return `qword ptr gs:[${typeof address === 'string' ? address : hex(BigInt.asUintN(64, BigInt(address)))}]`;
    }
    case 'rel':
      return shownText(targetValue(operand, ctx));
  }
}

/** One instruction in Intel syntax, as objdump writes it but for spaces and for the sign of what is sign-extended. */
export function printIntel(form: Form, operands: readonly Operand[], ctx: PrintContext = {}): string {
  const whole = TEXTS[form.name];
  if (whole !== undefined) return whole;
  let next = 0;
  const texts = form.parts.map((part) =>
    typeof part === 'string' ? operandText(form, part, operands[next++]!, ctx) : part.fixed,
  );
  const mnemonic = form.name === 'mov r64, imm64' ? 'movabs' : form.mnemonic;
  return texts.length === 0 ? mnemonic : `${mnemonic} ${texts.join(', ')}`;
}
