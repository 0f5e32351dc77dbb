import { refuse } from './errors';
import type { Statement } from './statements';

/** A word, a number or a sign; `column` counts from 1 in the line. */
export interface Token {
  readonly kind: 'word' | 'number' | 'sign' | 'end';
  readonly text: string;
  readonly column: number;
}

const TOKEN = /\s*(?:([A-Za-z_.$][\w.$]*)|(\d\w*)|([[\]+\-*:,()])|(\S))/y;

/** The tokens of a statement, with a reader's place in them. */
export class Tokens {
  readonly #tokens: Token[] = [];
  #at = 0;

  constructor(statement: Statement) {
    const { text, column } = statement;
    TOKEN.lastIndex = 0;
    for (let match = TOKEN.exec(text); match !== null; match = TOKEN.exec(text)) {
      const [, word, number, sign, other] = match;
      const found = (word ?? number ?? sign ?? other)!;
      const place = column + TOKEN.lastIndex - found.length;
      if (other !== undefined) refuse(place, `unexpected ${JSON.stringify(other)}`);
      const kind = word !== undefined ? 'word' : number !== undefined ? 'number' : 'sign';
      this.#tokens.push({ kind, text: found, column: place });
    }
    this.#tokens.push({ kind: 'end', text: '', column: column + text.length });
  }

  peek(ahead = 0): Token {
    return this.#tokens[Math.min(this.#at + ahead, this.#tokens.length - 1)]!;
  }

  next(): Token {
    const token = this.peek();
    if (token.kind !== 'end') this.#at++;
    return token;
  }

  /** Takes the sign when it is the next token. */
  accept(sign: string): boolean {
    if (this.peek().kind !== 'sign' || this.peek().text !== sign) return false;
    this.next();
    return true;
  }

  expect(sign: string): void {
    if (!this.accept(sign)) this.unexpected(`\`${sign}\``);
  }

  unexpected(expected: string): never {
    const { kind, text, column } = this.peek();
    refuse(column, kind === 'end' ? 'the statement ends too early' : `unexpected \`${text}\``, expected);
  }
}

/** `12`, `0x1f`, `0b101`. Octal is not there: a leading zero means that to some assemblers and nothing to others. */
export function parseNumber(token: Token): bigint {
  const { text, column } = token;
  if (!/^(0x[\da-f]+|0b[01]+|0|[1-9]\d*)$/i.test(text)) {
    refuse(column, `\`${text}\` is no number`, 'a number as 42 or 0x2a');
  }
  const value = text.length > 80 ? 1n << 64n : BigInt(text);
  if (value >= 1n << 64n) refuse(column, 'the number has more than 64 bits', 'at most 0xffffffffffffffff');
  return value;
}
