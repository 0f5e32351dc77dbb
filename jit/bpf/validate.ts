import { type CompiledForm, formsOf, matchesFixed } from './compiled-form';
import { type Insn, slots } from './insn';
import { jumpDistance } from './jump';
import { isName } from './lexer';
import { HELPERS, type HelperTable } from './names';
import { BPF_CALL, BPF_EXIT, BPF_JA, BPF_JMP, BPF_JMP32, BPF_REG_FP } from './opcodes';
import type { Rules } from './operand';
import { printInsn } from './print';
import { type Program, pcsOf, type Subprog } from './program';

/** Most slots of a program (BPF_COMPLEXITY_LIMIT_INSNS, include/linux/bpf.h). */
export const MAX_INSNS = 1_000_000;

/** Most subprogs, with the main one (BPF_MAX_SUBPROGS, include/linux/bpf_verifier.h). */
export const MAX_SUBPROGS = 256;

/** Errors reported of one program; a file that is no program at all would have one for each instruction. */
const MAX_ERRORS = 100;

export const VERIFIER_ONLY = 'only the verifier makes this instruction';
export const READ_ONLY = 'the frame pointer r10 is read only';

export interface ValidateOptions {
  /** Default: {@link HELPERS}. */
  readonly helpers?: HelperTable;
  /** Allows what only the verifier makes. Default: false. */
  readonly verifierMade?: boolean;
  /** Allows what only the verifier makes, and takes calls and addresses as resolved. Default: false. */
  readonly kernelInternal?: boolean;
}

/** A rule that an instruction breaks. */
export interface InsnError {
  /** Name of the subprog. */
  readonly subprog: string;
  /** Index of the subprog, and of the instruction in it. */
  readonly at: { readonly subprog: number; readonly insn: number };
  /** Slot of the instruction in its subprog, and in the program. */
  readonly pc: number;
  readonly index: number;
  /** The instruction. */
  readonly text: string;
  readonly message: string;
}

/** An error in one line: `12: r10 = 5: the frame pointer r10 is read only`. */
export const formatInsnError = ({ index, text, message }: Pick<InsnError, 'index' | 'text' | 'message'>): string =>
  text === '' ? message : `${index}: ${text}: ${message}`;

/**
 * Checks the rules that hold for each instruction and between instructions, without following the program: what
 * kernel/bpf/verifier.c checks in resolve_pseudo_ldimm64(), check_subprogs() and at the head of its checks of each class.
 *
 * @returns all errors in the order of the instructions, at most 100; none for a program that is well-formed.
 */
export function validateProgram(program: Program, options: ValidateOptions = {}): InsnError[] {
  const errors: InsnError[] = [];
  const names = { ...program, subprogs: program.subprogs.map(({ name }) => name), helpers: options.helpers ?? HELPERS };
  const rules: Rules = {
    helpers: names.helpers,
    kernelInternal: options.kernelInternal ?? false,
    verifierMade: options.kernelInternal ?? options.verifierMade ?? false,
    kfuncs: program.kfuncs.length,
    subprogs: program.subprogs.length,
    maps: program.maps.length,
  };
  if (program.subprogs.every(({ insns }) => insns.length === 0)) return [withoutInsn('the program is empty')];
  for (const message of nameProblems(program)) errors.push(withoutInsn(message));
  let start = 0;
  program.subprogs.forEach((subprog, s) => {
    const pcs = pcsOf(subprog.insns);
    const report = (insn: number, message: string): void => {
      if (errors.length >= MAX_ERRORS) return;
      const text = printInsn(subprog.insns[insn]!, names);
      const pc = pcs[insn]!;
      errors.push({ subprog: subprog.name, at: { subprog: s, insn }, pc, index: start + pc, text, message });
    };
    if (subprog.insns.length === 0) errors.push(withoutInsn(`${subprog.name} has no instructions`, subprog.name, s));
    else checkSubprog(subprog, pcs, rules, report);
    if (s === MAX_SUBPROGS && subprog.insns.length > 0) report(0, `a program has at most ${MAX_SUBPROGS} subprogs`);
    const size = pcs[pcs.length - 1]!;
    if (start <= MAX_INSNS && start + size > MAX_INSNS) {
      const first = pcs.findIndex((pc, i) => start + pc + slots(subprog.insns[i]!) > MAX_INSNS);
      report(first, `a program has at most ${MAX_INSNS} instructions`);
    }
    start += size;
  });
  return errors;
}

/** Names have to be such that the program can be written down. */
function nameProblems({ subprogs, kfuncs, maps }: Program): string[] {
  const tables = { subprog: subprogs.map(({ name }) => name), kfunc: kfuncs, map: maps };
  return Object.entries(tables).flatMap(([what, names]) => {
    const wrong = names.filter((name) => !isName(name)).map((name) => `\`${name}\` cannot be the name of a ${what}`);
    const seen = new Set<string>();
    const twice = names.filter((name) => seen.size === seen.add(name).size);
    return [...wrong, ...twice.map((name) => `there are two ${what}s \`${name}\``)];
  });
}

const withoutInsn = (message: string, subprog = '', index = 0): InsnError => ({
  subprog,
  at: { subprog: index, insn: 0 },
  pc: 0,
  index: 0,
  text: '',
  message,
});

function checkSubprog(
  { insns }: Subprog,
  pcs: readonly number[],
  rules: Rules,
  report: (insn: number, message: string) => void,
): void {
  const size = pcs[pcs.length - 1]!;
  const starts = new Uint8Array(size);
  for (let i = 0; i < insns.length; i++) starts[pcs[i]!] = 1;
  insns.forEach((insn, i) => {
    const problem = insnProblem(insn, rules);
    if (problem !== undefined) report(i, problem);
    const distance = jumpDistance(insn);
    if (distance === undefined) return;
    const target = pcs[i]! + 1 + distance;
    if (target < 0 || target >= size) report(i, `jump to ${target}, outside of the subprog (0 to ${size - 1})`);
    else if (!starts[target]) report(i, `jump to ${target}, into the middle of a 64-bit load`);
  });
  const last = insns.length - 1;
  if (!ENDS.has(insns[last]!.code) && !(rules.kernelInternal && insns[last]!.code === (BPF_JMP | BPF_CALL)))
    report(last, 'control falls off the end: the last instruction must be exit or a jump');
}

/**
 * What a subprog may end with (check_subprogs()). Where the verifier knows that a call does not come back it removes
 * what follows, so in its output a call may be the last.
 */
const ENDS: ReadonlySet<number> = new Set([BPF_JMP | BPF_EXIT, BPF_JMP | BPF_JA, BPF_JMP32 | BPF_JA]);

/** What is wrong with an instruction looked at alone, or undefined. */
export function insnProblem(insn: Insn, rules: Rules): string | undefined {
  const forms = formsOf(insn.code);
  if (forms.length === 0) return `unknown opcode 0x${insn.code.toString(16).padStart(2, '0')}`;
  const compiled = forms.find((form) => matchesFixed(form, insn) && (rules.verifierMade || !form.form.kernel));
  if (!compiled) return reservedProblem(forms, insn, rules);
  return rangeProblem(insn) ?? formProblem(compiled, insn, rules);
}

function reservedProblem(forms: readonly CompiledForm[], insn: Insn, rules: Rules): string {
  if (forms.some((form) => matchesFixed(form, insn))) return VERIFIER_ONLY;
  const known = forms.filter((form) => rules.verifierMade || !form.form.kernel);
  for (const field of ['dst', 'src', 'off', 'imm'] as const) {
    const allowed = known.map((form) => form.fixed.find(([name]) => name === field)?.[1]);
    if (allowed.includes(undefined) || allowed.includes(insn[field])) continue;
    const values = [...new Set(allowed.map(Number))].sort((a, b) => a - b);
    if (values.length === 1 && values[0] === 0) return `reserved field \`${field}\` is ${insn[field]}, must be 0`;
    return `\`${field}\` is ${insn[field]}, must be ${oneOf(values)}`;
  }
  return 'reserved fields are not zero';
}

const oneOf = (values: readonly number[]): string =>
  values.length < 2 ? values.join() : `${values.slice(0, -1).join(', ')} or ${values[values.length - 1]}`;

const RANGES = [
  ['dst', 0, 15],
  ['src', 0, 15],
  ['off', -0x8000, 0x7fff],
  ['imm', -0x8000_0000, 0x7fff_ffff],
] as const;

function rangeProblem(insn: Insn): string | undefined {
  for (const [field, min, max] of RANGES)
    if (!Number.isInteger(insn[field]) || insn[field] < min || insn[field] > max)
      return `\`${field}\` is ${insn[field]}, must be ${min} to ${max}`;
  if (insn.imm64 !== undefined && BigInt.asUintN(64, insn.imm64) !== insn.imm64)
    return `\`imm64\` is ${insn.imm64}, must be 64 bits and unsigned`;
  return undefined;
}

function formProblem({ operands, writes }: CompiledForm, insn: Insn, rules: Rules): string | undefined {
  for (const operand of operands) {
    const problem = operand.check?.(insn, rules);
    if (problem !== undefined) return problem;
  }
  return writes !== undefined && insn[writes] === BPF_REG_FP ? READ_ONLY : undefined;
}
