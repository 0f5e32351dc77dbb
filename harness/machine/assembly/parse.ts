import { refuse } from './errors';
import { type Operand, parseOperand, parseValue, type ValueOperand } from './operands';
import type { Statement } from './statements';
import { Tokens } from './tokens';

export interface DataStatement {
  readonly kind: 'data';
  /** Bytes per value. */
  readonly width: number;
  readonly values: readonly ValueOperand[];
}

export interface InstructionStatement {
  readonly kind: 'instruction';
  readonly prefix: Prefix | undefined;
  /** In lower case. */
  readonly mnemonic: string;
  readonly column: number;
  /** `jmp short name`. */
  readonly short: boolean;
  readonly operands: readonly Operand[];
}

export type Parsed = DataStatement | InstructionStatement;

/** What a prefix word stands for: `rep` and `repe` are one byte. */
export type Prefix = 'lock' | 'repe' | 'repne';

const PREFIXES: ReadonlyMap<string, Prefix> = new Map([
  ['lock', 'lock'],
  ['rep', 'repe'],
  ['repe', 'repe'],
  ['repz', 'repe'],
  ['repne', 'repne'],
  ['repnz', 'repne'],
]);

const DIRECTIVES: ReadonlyMap<string, number> = new Map([
  ['.byte', 1],
  ['.word', 2],
  ['.short', 2],
  ['.long', 4],
  ['.int', 4],
  ['.quad', 8],
]);

/** One statement as data: nothing that this does not understand ever reaches Keystone. */
export function parseStatement(statement: Statement): Parsed {
  const tokens = new Tokens(statement);
  const first = tokens.next();
  const name = first.text.toLowerCase();
  if (first.kind !== 'word') refuse(first.column, `unexpected \`${first.text}\``, 'a mnemonic, a directive or a label');
  const width = DIRECTIVES.get(name);
  if (width !== undefined) return { kind: 'data', width, values: list(tokens, () => dataValue(tokens, width)) };
  if (name.startsWith('.')) {
    refuse(first.column, `unknown directive \`${first.text}\``, [...DIRECTIVES.keys()].join(', '));
  }
  const prefix = PREFIXES.get(name);
  const word = prefix === undefined ? first : tokens.next();
  const mnemonic = word.text.toLowerCase();
  if (word.kind !== 'word' || !/^[a-z][a-z\d]*$/.test(mnemonic)) {
    refuse(
      word.column,
      word.kind === 'end' ? 'the statement ends too early' : `unexpected \`${word.text}\``,
      'a mnemonic',
    );
  }
  const short = tokens.peek().text.toLowerCase() === 'short' && tokens.peek(1).kind !== 'end';
  if (short) tokens.next();
  const operands = tokens.peek().kind === 'end' ? [] : list(tokens, () => parseOperand(tokens));
  return { kind: 'instruction', prefix, mnemonic, column: word.column, short, operands };
}

function list<T>(tokens: Tokens, item: () => T): T[] {
  const items = [item()];
  while (tokens.accept(',')) items.push(item());
  if (tokens.peek().kind !== 'end') tokens.unexpected('`,` or the end of the statement');
  return items;
}

function dataValue(tokens: Tokens, width: number): ValueOperand {
  const { column } = tokens.peek();
  const { value, label } = parseValue(tokens);
  const bits = BigInt(width * 8);
  if (value < -(1n << (bits - 1n)) || value >= 1n << bits) refuse(column, `${value} does not fit ${bits} bits`);
  if (label !== undefined && width !== 8) refuse(column, 'an address does not fit', '`.quad`');
  return { kind: 'value', value, offset: false, column, ...(label === undefined ? {} : { label }) };
}
