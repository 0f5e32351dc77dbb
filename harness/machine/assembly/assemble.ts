import { agrees, type Resolve } from './agree';
import { describeBytes, withDecoded } from './decode';
import { type AssemblyError, attempt, MAX_BODY_TEXT, MAX_STATEMENTS, refuse } from './errors';
import { addressOf, bytesOf, type Labels, type Layout, layOut } from './layout';
import type { LabelUse } from './operands';
import { type InstructionStatement, type Parsed, parseStatement } from './parse';
import { type Piece, pieceOf } from './piece';
import { registerOf } from './registers';
import type { AssemblyResult, AssemblyRow } from './result';
import { type Label, type Statement, splitStatements } from './statements';

/** Assembles a body at an address; see {@link AssemblyResult}. Rejects only when Keystone cannot start. */
export async function assembleBody(text: string, address: bigint): Promise<AssemblyResult> {
  const whole = (message: string, expected?: string): AssemblyResult => ({
    ok: false,
    errors: [{ line: 1, column: 1, message, ...(expected === undefined ? {} : { expected }) }],
  });
  if (address !== BigInt.asUintN(64, address)) return whole('the address has more than 64 bits');
  if (text.length > MAX_BODY_TEXT) return whole(`the body has ${text.length} characters`, `at most ${MAX_BODY_TEXT}`);
  const { statements, labels } = splitStatements(text);
  if (statements.length === 0) return whole('the body is empty', 'at least one instruction');
  if (statements.length > MAX_STATEMENTS) {
    const { line, column } = statements[MAX_STATEMENTS]!;
    const message = `the body has ${statements.length} statements`;
    return { ok: false, errors: [{ line, column, message, expected: `at most ${MAX_STATEMENTS}` }] };
  }
  const errors: AssemblyError[] = [];
  const names = defineLabels(labels, errors);
  const parsed = statements.map((statement) => parse(statement, names, errors));
  const pieces = await piecesOf(statements, parsed, errors);
  if (errors.length > 0) return failed(errors);
  const layout = layOut(pieces, names, address);
  if (layout.addresses.at(-1)! > 1n << 64n) return whole('the body does not fit below the end of the address space');
  return verify({ statements, parsed: parsed as Parsed[], pieces, layout, names });
}

function failed(errors: AssemblyError[]): AssemblyResult {
  return { ok: false, errors: errors.sort((a, b) => a.line - b.line || a.column - b.column) };
}

function defineLabels(labels: readonly Label[], errors: AssemblyError[]): Labels {
  const names = new Map<string, number>();
  const lines = new Map<string, number>();
  for (const { name, line, column, before } of labels) {
    attempt(line, errors, () => {
      if (registerOf(name) !== undefined) refuse(column, `\`${name}\` is a register`, 'another name for the label');
      if (names.has(name)) refuse(column, `label \`${name}\` is already defined at line ${lines.get(name)}`);
    });
    if (!names.has(name)) {
      names.set(name, before);
      lines.set(name, line);
    }
  }
  return names;
}

/** A statement as data, all of whose labels exist. */
function parse(statement: Statement, names: Labels, errors: AssemblyError[]): Parsed | undefined {
  return attempt(statement.line, errors, () => {
    const parsed = parseStatement(statement);
    for (const { name, column } of labelUses(parsed)) {
      if (name !== '$' && !names.has(name))
        refuse(column, `\`${name}\` is neither a register nor a label of this body`);
    }
    return parsed;
  });
}

function labelUses(parsed: Parsed): LabelUse[] {
  const values = parsed.kind === 'data' ? parsed.values : parsed.operands;
  return values.flatMap((each) => (each.kind !== 'register' && each.label !== undefined ? [each.label] : []));
}

const MAX_ERRORS = 20;

/** In the order of the statements; those with an error are left out, for then nothing is laid out. */
async function piecesOf(
  statements: readonly Statement[],
  parsed: readonly (Parsed | undefined)[],
  errors: AssemblyError[],
): Promise<Piece[]> {
  const pieces: Piece[] = [];
  for (const [at, each] of parsed.entries()) {
    // A statement that kills the engine costs a restart: enough is said by then.
    if (errors.length >= MAX_ERRORS) break;
    if (each === undefined) continue;
    const piece = each.kind === 'data' ? ({ kind: 'data', data: each } as const) : await pieceOf(each);
    if ('message' in piece) {
      errors.push({ column: (each as InstructionStatement).column, ...piece, line: statements[at]!.line });
    } else pieces.push(piece);
  }
  return pieces;
}

interface Body {
  readonly statements: readonly Statement[];
  readonly parsed: readonly Parsed[];
  readonly pieces: readonly Piece[];
  readonly layout: Layout;
  readonly names: Labels;
}

/** Decodes every instruction where it will stand, and refuses what is not the statement. */
function verify({ statements, parsed, pieces, layout, names }: Body): AssemblyResult {
  const errors: AssemblyError[] = [];
  const rows: AssemblyRow[] = [];
  const chunks: Uint8Array[] = [];
  const start = layout.addresses[0]!;
  for (const [at, { line, column, text }] of statements.entries()) {
    const address = layout.addresses[at]!;
    const bytes = bytesOf(pieces[at]!, at, layout, names);
    if (!(bytes instanceof Uint8Array)) {
      errors.push({ line, ...bytes });
      continue;
    }
    const source = parsed[at]!;
    const resolve: Resolve = (operand) => resolveOperand(operand, at, bytes.length, layout, names);
    if (source.kind === 'instruction' && !isStatement(source, bytes, address, resolve)) {
      const found = describeBytes(bytes, address);
      const message = `Keystone encodes \`${text}\` as ${found}; write its bytes with .byte`;
      errors.push({ line, column, message });
    }
    rows.push({ offset: Number(address - start), size: bytes.length, line, column, text });
    chunks.push(bytes);
  }
  if (errors.length > 0) return failed(errors);
  return { ok: true, bytes: Uint8Array.from(Buffer.concat(chunks)), rows };
}

function isStatement(source: InstructionStatement, bytes: Uint8Array, address: bigint, resolve: Resolve): boolean {
  return withDecoded(bytes, address, (decoded) => agrees(source, decoded, resolve)) ?? false;
}

/** Numbers stay as they are written; only addresses are of 64 bits. */
function resolveOperand(
  operand: Parameters<Resolve>[0],
  at: number,
  size: number,
  layout: Layout,
  names: Labels,
): bigint {
  if (operand.kind === 'value') {
    const { label, value } = operand;
    return label === undefined ? value : addressOf(label, value, at, layout, names);
  }
  const { label, displacement } = operand;
  if (label !== undefined) return addressOf(label, displacement, at, layout, names);
  return BigInt.asUintN(64, layout.addresses[at]! + BigInt(size) + displacement);
}
