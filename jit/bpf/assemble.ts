import type { Insn } from './insn';
import { type Layout, layOut, type PlacedInsn, type SubprogLayout } from './layout';
import type { AsmError, SourcePosition, Token } from './lexer';
import { HELPERS, type HelperTable } from './names';
import { BPF_REG_FP } from './opcodes';
import type { Draft, Operand, Problem, ReadContext, Rules } from './operand';
import type { Program } from './program';
import { Resolver } from './resolve';
import type { Statement } from './statements';
import type { Captured } from './tokens';
import { READ_ONLY, VERIFIER_ONLY, validateProgram } from './validate';

export interface ParseOptions {
  /** Name of the program. Default: `prog`. */
  readonly name?: string;
  /** Default: HELPERS. */
  readonly helpers?: HelperTable;
  /** Names that may be called as kfuncs, besides those declared with `.kfunc`. Default: KFUNCS. */
  readonly kfuncs?: readonly string[];
  /** Names of the program's maps, in order. Default: those declared with `.map`, then those used. */
  readonly maps?: readonly string[];
  /** Allows what only the verifier makes. Default: false. */
  readonly verifierMade?: boolean;
  /** Allows what only the verifier makes, and takes calls and addresses as resolved. Default: false. */
  readonly kernelInternal?: boolean;
}

/** Where the parts of a program stand in its text. */
export interface AsmSource {
  readonly subprogs: readonly SubprogSource[];
}

export interface SubprogSource {
  readonly name: string;
  /** Of its label, or of its first instruction where it has none. */
  readonly position: SourcePosition;
  readonly isGlobal: boolean;
  /** Labels inside the subprog, to their pc. */
  readonly labels: ReadonlyMap<string, number>;
  /** One for each instruction, by index (not by pc). */
  readonly insns: readonly SourcePosition[];
}

/**
 * A program from statements: resolves their names and checks the whole. Where statements are missing (not `complete`)
 * the rules between instructions are not checked: they would blame what is left.
 */
export function assemble(
  statements: readonly Statement[],
  options: ParseOptions,
  complete: boolean,
): { program: Program; source: AsmSource } | { errors: AsmError[] } {
  const layout = layOut(statements);
  const errors: AsmError[] = [...layout.errors];
  const helpers = options.helpers ?? HELPERS;
  const kernelInternal = options.kernelInternal ?? false;
  const verifierMade = options.kernelInternal ?? options.verifierMade ?? false;
  const rules: Rules = { helpers, kernelInternal, verifierMade, subprogs: layout.subprogs.length };
  const resolver = new Resolver(layout, { ...options, helpers });
  const subprogs = layout.subprogs.map((subprog) => ({
    name: subprog.name,
    insns: subprog.insns.map((insn) => readInsn(insn, rules, resolver.contextOf(subprog, insn, rules), errors)),
    ...(subprog.isGlobal && { isGlobal: true }),
  }));
  const program = { name: options.name ?? 'prog', subprogs, kfuncs: resolver.kfuncs, maps: resolver.maps };
  if (complete && errors.length === 0) errors.push(...structuralErrors(program, layout, options));
  return errors.length > 0 ? { errors } : { program, source: { subprogs: layout.subprogs.map(sourceOf) } };
}

const positionOf = ({ statement: { token } }: PlacedInsn): SourcePosition => ({
  line: token.line,
  column: token.column,
});

const sourceOf = ({ name, position, isGlobal, labels, insns }: SubprogLayout): SubprogSource => ({
  name,
  position,
  isGlobal,
  labels,
  insns: insns.map(positionOf),
});

function readInsn({ statement }: PlacedInsn, rules: Rules, context: ReadContext, errors: AsmError[]): Insn {
  const { compiled, captured } = statement.match;
  const insn: Draft = { code: compiled.form.code, dst: 0, src: 0, off: 0, imm: 0 };
  for (const [field, value] of compiled.fixed) insn[field] = value;
  const report = (token: Token, problem: Problem | undefined): void => {
    if (problem) errors.push({ line: token.line, column: token.column, ...problem });
  };
  if (compiled.form.kernel && !rules.verifierMade) report(statement.token, { message: VERIFIER_ONLY });
  const seen = new Map<Operand, Captured>();
  compiled.operands.forEach((operand, i) => {
    const value = captured[i]!;
    const first = seen.get(operand);
    seen.set(operand, value);
    report(value.token, first ? sameAgain(first, value) : readOperand(operand, value, insn, context));
  });
  if (compiled.writes !== undefined && insn[compiled.writes] === BPF_REG_FP)
    report(statement.token, { message: READ_ONLY });
  return insn;
}

function readOperand(operand: Operand, value: Captured, insn: Draft, context: ReadContext): Problem | undefined {
  const problem = operand.read(value, insn, context);
  if (problem) return problem;
  const message = operand.check?.(insn, context.rules);
  return message === undefined ? undefined : { message };
}

/** Some instructions have one register that stands in two places of the text. */
function sameAgain(first: Captured, second: Captured): Problem | undefined {
  if (first.number === second.number) return undefined;
  return { message: `both registers must be the same`, expected: [`\`${first.token.text}\``] };
}

/** What can only be seen in the whole program, with the place in the text. */
function structuralErrors(program: Program, { subprogs }: Layout, options: ParseOptions): AsmError[] {
  return validateProgram(program, options).map(({ at, message }) => {
    const subprog = subprogs[at.subprog];
    const insn = subprog?.insns[at.insn];
    return { ...(insn ? positionOf(insn) : (subprog?.position ?? { line: 1, column: 1 })), message };
  });
}
