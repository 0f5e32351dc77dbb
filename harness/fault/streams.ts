import {
  type BpfJump,
  type Insn,
  type MachineInsn,
  type Operand,
  PROLOGUE_PC,
  pcsOf,
  printIntel,
  type Role,
  type Site,
  type StreamItem,
  x86,
} from '../../jit';
import type { Mutation, StreamOf } from './mutation';

/** Which machine instructions of a program: all that it says must be true. */
export interface Where {
  /** As it prints. */
  readonly text?: RegExp;
  readonly role?: Role;
  /** The BPF instruction that it belongs to; never one of the prologue. */
  readonly bpf?: (insn: Insn) => boolean;
  readonly of?: (of: StreamOf) => boolean;
}

/** The BPF instruction of a site. */
export function bpfAt({ insns }: StreamOf, { pc }: Site): Insn | null {
  return pc === PROLOGUE_PC ? null : (insns[pcsOf(insns).indexOf(pc)] ?? null);
}

export const textOf = ({ form, operands }: MachineInsn): string =>
  printIntel(form, operands, { target: ({ target }) => ('name' in target ? target.name : undefined) });

function matches(item: StreamItem, where: Where, of: StreamOf): item is MachineInsn {
  if (item.kind !== 'insn' || (where.role !== undefined && item.site.role !== where.role)) return false;
  if (where.of !== undefined && !where.of(of)) return false;
  if (where.text !== undefined && !where.text.test(textOf(item))) return false;
  if (where.bpf === undefined) return true;
  const insn = bpfAt(of, item.site);
  return insn !== null && where.bpf(insn);
}

/** A machine instruction for the place of another one. */
export const insn = (site: Site, form: x86.FormName, ...operands: Operand[]): MachineInsn => ({
  ...{ kind: 'insn', form: x86.FORMS[form], operands, site, onFault: null },
});

type Stream = NonNullable<Mutation['stream']>;

/** Other instructions in the place of each that is meant. */
export const replace =
  (where: Where, by: (item: MachineInsn, of: StreamOf) => readonly StreamItem[]): Stream =>
  (items, of) =>
    items.flatMap((item) => (matches(item, where, of) ? by(item, of) : [item]));

export const drop = (where: Where): Stream => replace(where, () => []);

/** The same instruction with other operands. */
export const operands = (where: Where, change: (operands: readonly Operand[]) => readonly Operand[]): Stream =>
  replace(where, (item) => [{ ...item, operands: change(item.operands) }]);

/** The same operands in another form; registers take the form's width. */
export const form = (where: Where, name: (item: MachineInsn) => x86.FormName): Stream =>
  replace(where, (item) => [{ ...item, form: x86.FORMS[name(item)], operands: sized(item.operands, name(item)) }]);

const BANKS = { r8: x86.r8, r16: x86.r16, r32: x86.r32, r64: x86.r64 } as const;

/** Operands as wide as a form wants them. */
function sized(all: readonly Operand[], name: x86.FormName): Operand[] {
  return all.map((operand, i) => {
    const kind = x86.FORMS[name].kinds[i]!;
    if (operand.kind === 'reg') return kind in BANKS ? BANKS[kind as keyof typeof BANKS](operand.num) : operand;
    if (operand.kind !== 'imm') return operand;
    if (kind === 'imm8') return x86.imm8(operand.value & 0xff);
    return kind === 'imm32' ? x86.imm32(operand.value, operand.symbol) : operand;
  });
}

/** Behind each instruction that is meant, others. */
export const after = (where: Where, then: (item: MachineInsn, of: StreamOf) => readonly StreamItem[]): Stream =>
  replace(where, (item, of) => [item, ...then(item, of)]);

export const before = (where: Where, first: (item: MachineInsn, of: StreamOf) => readonly StreamItem[]): Stream =>
  replace(where, (item, of) => [...first(item, of), item]);

/** One change after the other. */
export const all =
  (...changes: readonly Stream[]): Stream =>
  (items, of) =>
    changes.reduce((changed, change) => change(changed, of), items);

/** Those instructions of a subprog that are meant, in another order; the others stay where they are. */
export const reorder =
  (where: Where, order: (items: readonly MachineInsn[]) => readonly MachineInsn[]): Stream =>
  (items, of) => {
    const moved = [...order(items.filter((item) => matches(item, where, of)))];
    return items.map((item) => (matches(item, where, of) ? moved.shift()! : item));
  };

/** Other instructions in the place of a jump to a BPF instruction. */
export const jumps =
  (
    meant: (jump: BpfJump, of: StreamOf) => boolean,
    by: (jump: BpfJump, of: StreamOf) => readonly StreamItem[],
  ): Stream =>
  (items, of) =>
    items.flatMap((item) => (item.kind === 'jump' && meant(item, of) ? by(item, of) : [item]));
