import { slots } from './insn';
import type { AsmError, SourcePosition, Token } from './lexer';
import type { Match } from './match';
import { CALLEE, FUNC, FUNC_NAME } from './references';
import type { Statement } from './statements';
import type { Captured } from './tokens';

type InsnStatement = Extract<Statement, { kind: 'insn' }>;

/** An instruction and its slot in the program. */
export interface PlacedInsn {
  readonly statement: InsnStatement;
  readonly pc: number;
}

/** A subprog of a text: what is known before its instructions are read. */
export interface SubprogLayout {
  readonly name: string;
  /** Of its label, or of its first instruction where it has none. */
  readonly position: SourcePosition;
  /** Slot in the program. */
  readonly start: number;
  readonly isGlobal: boolean;
  /** Label to slot in the subprog. */
  readonly labels: Map<string, number>;
  readonly insns: PlacedInsn[];
}

export interface Layout {
  readonly subprogs: readonly SubprogLayout[];
  /** Names that `.kfunc` and `.map` declare. */
  readonly kfuncs: readonly string[];
  readonly maps: readonly string[];
  readonly errors: readonly AsmError[];
}

interface Label {
  readonly name: string;
  readonly token: Token;
  readonly pc: number;
}

/** Places the instructions and decides which labels are subprogs. */
export function layOut(statements: readonly Statement[]): Layout {
  const errors: AsmError[] = [];
  const insns: PlacedInsn[] = [];
  const labels: Label[] = [];
  let size = 0;
  for (const statement of statements) {
    if (statement.kind === 'label') labels.push({ name: statement.name, token: statement.token, pc: size });
    if (statement.kind !== 'insn') continue;
    insns.push({ statement, pc: size });
    size += slots({ code: statement.match.compiled.form.code });
  }
  const declared = (...kinds: string[]) =>
    statements.flatMap((s) => (s.kind === 'directive' && kinds.includes(s.directive) ? [s] : []));
  const globals = new Set(declared('.global').map(({ name }) => name));
  const names = new Set(labels.map(({ name }) => name));
  for (const { name, token } of declared('.global', '.func'))
    if (!names.has(name)) errors.push({ ...position(token), message: `there is no label \`${name}\`` });

  const heads = headsOf(labels, insns, new Set(declared('.global', '.func').map(({ name }) => name)));
  const subprogs = heads.map(({ name, token, pc }) => ({
    name,
    position: position(token),
    start: pc,
    isGlobal: globals.has(name),
    labels: new Map<string, number>(),
    insns: [] as PlacedInsn[],
  }));
  distribute(subprogs, heads, labels, insns, errors);
  return {
    subprogs,
    kfuncs: unique(declared('.kfunc').map(({ name }) => name)),
    maps: unique(declared('.map').map(({ name }) => name)),
    errors,
  };
}

const position = ({ line, column }: Token): SourcePosition => ({ line, column });
const unique = (names: readonly string[]): string[] => [...new Set(names)];

/** The labels that are subprogs, one for each place, in order. */
function headsOf(labels: readonly Label[], insns: readonly PlacedInsn[], declared: ReadonlySet<string>): Label[] {
  const names = new Set([...declared, ...insns.flatMap(({ statement }) => referencedName(statement.match) ?? [])]);
  const called = new Map(insns.flatMap((insn) => calledPlace(insn) ?? []));
  const places = new Set(insns.map(({ pc }) => pc));
  const heads: Label[] = [];
  const first = insns[0]?.statement.token;
  if (first && labels[0]?.pc !== 0) heads.push({ name: 'main', token: first, pc: 0 });
  for (const label of labels) {
    const isHead = names.has(label.name) || (label.pc === 0 && heads.length === 0);
    if (isHead) heads.push(label);
  }
  const headed = new Set(heads.map(({ pc }) => pc));
  // A call by distance makes a subprog of what stands there.
  for (const [pc, token] of called) {
    if (places.has(pc) && !headed.has(pc))
      heads.push(labels.find((label) => label.pc === pc) ?? { name: `func_${pc}`, token, pc });
  }
  return heads.sort((a, b) => a.pc - b.pc);
}

/** The name that a call or a callback's address refers to. */
function referencedName({ compiled, captured }: Match): string | undefined {
  const i = compiled.operands.findIndex((operand) => REFERENCES.has(operand));
  return captured[i]?.name;
}

const REFERENCES: ReadonlySet<unknown> = new Set([CALLEE, FUNC, FUNC_NAME]);

/** The slot that a call by distance (`call pc+2`) refers to, and where it stands. */
function calledPlace({ statement, pc }: PlacedInsn): [number, Token][] | undefined {
  const { compiled, captured } = statement.match;
  const callee: Captured | undefined = captured[compiled.operands.indexOf(CALLEE)];
  return callee?.relative ? [[pc + 1 + Number(callee.number), callee.token]] : undefined;
}

/** Gives each subprog its labels and instructions. */
function distribute(
  subprogs: readonly SubprogLayout[],
  heads: readonly Label[],
  labels: readonly Label[],
  insns: readonly PlacedInsn[],
  errors: AsmError[],
): void {
  const headNames = new Set<string>();
  for (const head of heads) {
    if (headNames.has(head.name)) errors.push(twice(head));
    headNames.add(head.name);
  }
  const isHead = new Set<Label>(heads);
  const ownerOf = ownerSearch(subprogs);
  for (const label of labels) {
    const owner = ownerOf(label.pc);
    if (isHead.has(label) || !owner) continue;
    if (owner.labels.has(label.name) || headNames.has(label.name)) errors.push(twice(label));
    else owner.labels.set(label.name, label.pc - owner.start);
  }
  const ownerOfInsn = ownerSearch(subprogs);
  for (const insn of insns) ownerOfInsn(insn.pc)!.insns.push(insn);
}

/** Finds the subprog in which a slot lies, for slots asked in ascending order. */
function ownerSearch(subprogs: readonly SubprogLayout[]): (pc: number) => SubprogLayout | undefined {
  let s = 0;
  return (pc) => {
    while (subprogs[s + 1] && subprogs[s + 1]!.start <= pc) s++;
    return subprogs[s];
  };
}

const twice = ({ name, token }: Label): AsmError => ({
  ...position(token),
  message: `label \`${name}\` is given twice`,
});
