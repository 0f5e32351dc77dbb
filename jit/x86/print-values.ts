import type { Form } from './forms';
import type { GsMem, Imm, Imm64, Mem, Rel, SymbolRef } from './operands';

/** Gives names and addresses to what an operand only refers to. A number is shown as the dialect shows numbers. */
export interface PrintContext {
  /** Where a branch goes: `bpf_ktime_get_ns`, `L0`, or an address. */
  target?(rel: Rel): string | bigint | undefined;
  /** The address in an immediate or after `gs:`, by name or by value. */
  symbol?(symbol: SymbolRef): string | bigint | undefined;
}

/** A name to be shown as it is, or a number. */
export type Shown = string | number | bigint;

/** `0x2a`, `-0x8`. */
export const hex = (value: number | bigint): string =>
  value < 0 ? `-0x${(-value).toString(16)}` : `0x${value.toString(16)}`;

export const shownText = (value: Shown): string => (typeof value === 'string' ? value : hex(value));

/** The low `width` bits, as a signed number. */
export const signed = (value: number, width: 8 | 16 | 32): number => (value << (32 - width)) >> (32 - width);

/** The low `width` bits, as an unsigned number. */
export const unsigned = (value: number, width: 8 | 16 | 32): number => (value & (2 ** width - 1)) >>> 0;

/** Width in bits of the operand at `position` of a row, be it fixed (`eax`) or not. */
export function widthAt(form: Form, position: number): number {
  const part = form.parts[position]!;
  if (typeof part !== 'string') return part.fixed === 'rax' ? 64 : part.fixed === 'eax' ? 32 : 8;
  return part === 'gs' ? 64 : Number(part.replace(/\D+/, ''));
}

const SHIFTS = new Set(['shl', 'shr', 'sar', 'rol', 'ror']);

/**
 * Is the immediate sign-extended to the width of the operation (SDM vol. 2, 3.1.1.3: imm8 and imm32)? Then it reads
 * best as a signed number. A shift count is not.
 */
export const isSignExtended = (form: Form, imm: Imm): boolean =>
  imm.width < widthAt(form, 0) && !SHIFTS.has(form.mnemonic);

/** The address that an operand carries: by the context, else `known`, its own number, where that is settled. */
function symbolic(symbol: SymbolRef | undefined, ctx: PrintContext, known: number | bigint): Shown {
  if (symbol === undefined) return known;
  return ctx.symbol?.(symbol) ?? (symbol.address === undefined ? symbol.name : known);
}

export const immValue = (imm: Imm, ctx: PrintContext, known: number): Shown => symbolic(imm.symbol, ctx, known);

export const imm64Value = (imm: Imm64, ctx: PrintContext, known: bigint): Shown => symbolic(imm.symbol, ctx, known);

export const gsValue = (mem: GsMem, ctx: PrintContext): Shown => symbolic(mem.symbol, ctx, signed(mem.disp, 32));

/** The displacement as the processor sees it. */
export const dispValue = (mem: Mem): number => (mem.dispWidth === 0 ? 0 : signed(mem.disp, mem.dispWidth));

/** A branch target. A label that nobody has named is a `?`: it has an address only inside its stream. */
export function targetValue(rel: Rel, ctx: PrintContext): Shown {
  const known = rel.target.kind === 'label' ? '?' : (rel.target.address ?? rel.target.name);
  return ctx.target?.(rel) ?? known;
}
