import type { TextError } from './issues';

/** A piece of a term: a number, a name (`main`, `prog.sub_fp`), or a sign. */
export interface Token {
  readonly kind: 'number' | 'name' | 'sign';
  readonly text: string;
  /** Counts from 1. */
  readonly column: number;
}

const TOKEN = /\s*(?:(0[xX][0-9a-fA-F]+|[0-9]+)(?![\w.])|([A-Za-z_][\w.]*)|([-+(),]))/y;

/** Splits a term into tokens. */
export function tokenize(text: string): { ok: true; tokens: Token[] } | { ok: false; error: TextError } {
  const tokens: Token[] = [];
  const end = text.trimEnd().length;
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < end) {
    const from = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    if (!match) {
      const column = from + text.slice(from).search(/\S/) + 1;
      const message = `\`${text.slice(column - 1).split(/\s/)[0]}\` is no part of a term`;
      return { ok: false, error: { line: 1, column, message, expected: 'a number, a name, + or -' } };
    }
    const [, number, name, sign] = match;
    const kind = number !== undefined ? 'number' : name !== undefined ? 'name' : 'sign';
    const piece = (number ?? name ?? sign)!;
    tokens.push({ kind, text: piece, column: TOKEN.lastIndex - piece.length + 1 });
  }
  return { ok: true, tokens };
}
