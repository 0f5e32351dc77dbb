import type { Form } from './form';
import { FORMS } from './forms';
import type { Insn } from './insn';
import type { Operand } from './operand';
import { OPERANDS } from './operands';

const FIELDS = ['dst', 'src', 'off', 'imm'] as const;

/** A form taken apart: for printing, for checking, and for parsing. */
export interface CompiledForm {
  readonly form: Form;
  /** Text and operands in turn. */
  readonly pieces: readonly (string | Operand)[];
  readonly operands: readonly Operand[];
  /** Fields that no operand covers, with the only value they may have. */
  readonly fixed: readonly (readonly [(typeof FIELDS)[number], number])[];
  /** The field that names the register which the instruction writes; a form that begins with a register assigns to it. */
  readonly writes?: 'dst' | 'src';
}

function compile(form: Form): CompiledForm {
  const pieces = form.text.split(/\{(\w+)\}/).map((text, i) => (i % 2 === 0 ? text : OPERANDS[text]!));
  const operands = pieces.filter((piece) => typeof piece !== 'string');
  const covered = new Set(operands.flatMap((operand) => operand.fields));
  // ld_imm64 has its value in imm64 alone.
  if (covered.has('imm64')) covered.add('imm');
  const fixed = FIELDS.filter((field) => !covered.has(field)).map((field) => [field, fixedValue(form, field)] as const);
  const first = pieces[0] === '' ? operands[0]?.fields[0] : undefined;
  return { form, pieces, operands, fixed, ...((first === 'dst' || first === 'src') && { writes: first }) };
}

const fixedValue = (form: Form, field: (typeof FIELDS)[number]): number => (field === 'dst' ? 0 : (form[field] ?? 0));

/** All forms, those of one opcode together. */
export const COMPILED: readonly CompiledForm[] = FORMS.flatMap((form) => [form, ...withoutOffset(form)]).map(compile);

/** `(r1)` is understood for `(r1 + 0)`. */
function withoutOffset(form: Form): Form[] {
  const text = form.text.replace(/ \{off\}(?=[),])/, '');
  return text === form.text ? [] : [{ ...form, text, alias: true }];
}

/** The canonical forms of an opcode; none for an unknown one. */
export function formsOf(code: number): readonly CompiledForm[] {
  return BY_CODE[code] ?? [];
}

const BY_CODE: CompiledForm[][] = [];
for (const compiled of COMPILED) if (!compiled.form.alias) (BY_CODE[compiled.form.code] ??= []).push(compiled);

/** Whether an instruction has the fields that make it that of the form. */
export const matchesFixed = ({ fixed }: CompiledForm, insn: Insn): boolean =>
  fixed.every(([field, value]) => insn[field] === value);
