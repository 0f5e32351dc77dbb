import { type AsmError, isName, lexLine, type Token } from './lexer';
import { FIRST_WORDS, type Match, matchForm } from './match';
import { BPF_DW, BPF_IMM, BPF_LD } from './opcodes';
import { suggest } from './suggest';

export type Directive = '.global' | '.func' | '.kfunc' | '.map';

/** What a line consists of; names are unresolved. */
export type Statement =
  | { readonly kind: 'label'; readonly name: string; readonly token: Token }
  | { readonly kind: 'directive'; readonly directive: Directive; readonly name: string; readonly token: Token }
  | { readonly kind: 'insn'; readonly match: Match; readonly token: Token; readonly dump: boolean };

const DIRECTIVES: Readonly<Record<string, Directive>> = {
  '.global': '.global',
  '.globl': '.global',
  '.func': '.func',
  '.kfunc': '.kfunc',
  '.map': '.map',
};

/** Splits a text into statements. What is none is reported, and reading goes on behind it. */
export function readStatements(text: string): { statements: Statement[]; errors: AsmError[] } {
  const statements: Statement[] = [];
  const errors: AsmError[] = [];
  text.split(/\r?\n/).forEach((line, i) => {
    const lexed = lexLine(line, i + 1);
    errors.push(...lexed.errors);
    // What is left of a line with a stray character would be reported once more, with a misleading reason.
    if (lexed.errors.length > 0) return;
    for (const tokens of splitAtSemicolons(lexed.tokens)) readStatement(tokens, lexed.opcode, statements, errors);
  });
  return { statements, errors };
}

/** Each statement's tokens, closed by a token of kind `end`. */
function splitAtSemicolons(tokens: readonly Token[]): Token[][] {
  const result: Token[][] = [[]];
  for (const token of tokens) {
    const ends = token.kind === 'op' && token.text === ';';
    result[result.length - 1]!.push(ends ? { ...token, kind: 'end' } : token);
    if (ends) result.push([]);
  }
  return result;
}

function readStatement(
  all: readonly Token[],
  opcode: number | undefined,
  statements: Statement[],
  errors: AsmError[],
): void {
  let tokens = all;
  while (tokens[0]?.kind === 'name' && tokens[1]?.text === ':') {
    const token = tokens[0];
    statements.push({ kind: 'label', name: token.text, token });
    if (!isName(token.text)) errors.push(at(token, `\`${token.text}\` cannot be a label's name`));
    tokens = tokens.slice(2);
  }
  const [token] = tokens;
  if (!token || token.kind === 'end') return;
  const directive = token.kind === 'name' && token.text.startsWith('.') ? DIRECTIVES[token.text] : undefined;
  if (directive) {
    const name = tokens[1]!;
    if (isName(name.text) && tokens[2]?.kind === 'end')
      statements.push({ kind: 'directive', directive, name: name.text, token: name });
    else errors.push({ ...at(name, `\`${token.text}\` takes one name`), expected: ['a name'] });
    return;
  }
  const match = matchForm(opcode === IMM64 ? withLl(tokens) : tokens);
  if ('compiled' in match) statements.push({ kind: 'insn', match, token, dump: opcode !== undefined });
  else errors.push(mismatchError(match.token, match.expected, token));
}

const IMM64 = BPF_LD | BPF_IMM | BPF_DW;

/** The kernel's printer leaves out the `ll` of a 64-bit load, and shows the opcode instead. */
function withLl(tokens: readonly Token[]): readonly Token[] {
  const end = tokens[tokens.length - 1]!;
  if (tokens[tokens.length - 2]?.text === 'll') return tokens;
  return [...tokens.slice(0, -1), { ...end, kind: 'name', text: 'll' }, end];
}

const at = ({ line, column }: Token, message: string): AsmError => ({ line, column, message });

/** Most alternatives that an error's message spells out; the error's data has all. */
const SHOWN = 5;

function mismatchError(found: Token, expected: readonly string[], first: Token): AsmError {
  const { line, column } = found;
  if (found === first) {
    const suggestion = suggest(found.text, FIRST_WORDS);
    const message = `\`${found.text}\` begins no statement${suggestion === undefined ? '' : `, did you mean \`${suggestion}\`?`}`;
    return { line, column, message, expected, ...(suggestion !== undefined && { suggestion }) };
  }
  const what = found.kind === 'end' ? 'the statement ends early' : `unexpected \`${found.text}\``;
  const shown = expected.length > SHOWN ? [...expected.slice(0, SHOWN), '...'] : expected;
  return { line, column, message: `${what}${widthHint(found, expected)}; expected ${shown.join(', ')}`, expected };
}

/** Mixing widths is the commonest slip of those who write C. */
function widthHint({ text }: Token, expected: readonly string[]): string {
  const other = { r: 'w', w: 'r' }[/^[rw](?=\d+$)/.exec(text)?.[0] ?? ''];
  if (other === undefined || !expected.some((what) => what.includes('register'))) return '';
  return ` in a ${other === 'r' ? 64 : 32}-bit operation, which takes \`${other}${text.slice(1)}\``;
}
