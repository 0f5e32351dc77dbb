import type { Token } from './lexer';

/** What stands for an operand in a text, before it is known what the form makes of it. */
export interface Captured {
  /** Its first token. */
  readonly token: Token;
  readonly name?: string;
  /** A number, an offset, a register's number, or a distance in slots. */
  readonly number?: bigint;
  /** A distance from the next instruction: `+2` or `pc+2`. */
  readonly relative?: boolean;
}

/** Kinds of operand that a parser can tell apart without knowing the instruction. */
export type TokenClass = 'r' | 'w' | 'number' | 'offset' | 'name' | 'entry' | 'target' | 'callee';

type Match = { readonly captured: Captured; readonly next: number } | undefined;
type Matcher = (tokens: readonly Token[], at: number) => Match;

const isOp = (token: Token | undefined, text: string): boolean => token?.kind === 'op' && token.text === text;

/** A register by number, also one that there is not: which ones there are is the operand's to say. */
function register(letter: 'r' | 'w'): Matcher {
  const pattern = new RegExp(`^${letter}(\\d{1,3})$`);
  return (tokens, at) => {
    const token = tokens[at]!;
    const number = AX[token.text]?.[letter] ?? pattern.exec(token.text)?.[1];
    return number === undefined ? undefined : { captured: { token, number: BigInt(number) }, next: at + 1 };
  };
}

/** The verifier's scratch register; the kernel's own printer calls it r11 and w11. */
const AX: Readonly<Record<string, { readonly r?: string; readonly w?: string }>> = {
  ax: { r: '11' },
  wax: { w: '11' },
};

/** A number with or without a sign. */
const number: Matcher = (tokens, at) => {
  const sign = isOp(tokens[at], '-') ? -1n : 1n;
  const digits = isOp(tokens[at], '-') || isOp(tokens[at], '+') ? at + 1 : at;
  const token = tokens[digits];
  if (token?.kind !== 'number') return undefined;
  return { captured: { token: tokens[at]!, number: sign * BigInt(token.text) }, next: digits + 1 };
};

/** A sign and a number, which may have a sign of its own. */
const offset: Matcher = (tokens, at) => {
  const minus = isOp(tokens[at], '-');
  if (!minus && !isOp(tokens[at], '+')) return undefined;
  const match = number(tokens, at + 1);
  if (!match) return undefined;
  const value = match.captured.number!;
  return { captured: { token: tokens[at]!, number: minus ? -value : value }, next: match.next };
};

const name: Matcher = (tokens, at) => {
  const token = tokens[at]!;
  return token.kind === 'name' ? { captured: { token, name: token.text }, next: at + 1 } : undefined;
};

/** A name, or a number in its place. */
const entry: Matcher = (tokens, at) => name(tokens, at) ?? number(tokens, at);

/** A label, `+2`, or `pc+2`; llvm-objdump adds the place in angle brackets. */
const target: Matcher = (tokens, at) => {
  const token = tokens[at]!;
  const distance = offset(tokens, token.text === 'pc' ? at + 1 : at);
  const match: Match = distance
    ? { captured: { token, number: distance.captured.number!, relative: true }, next: distance.next }
    : name(tokens, at);
  return match && { ...match, next: skipAnnotation(tokens, match.next) };
};

/** A name, a number, `name#number`, or `pc+2`. */
const callee: Matcher = (tokens, at) => {
  const token = tokens[at]!;
  if (token.text === 'pc' && offset(tokens, at + 1)) return target(tokens, at);
  const match = name(tokens, at) ?? number(tokens, at);
  if (!match) return undefined;
  const id = match.captured.name !== undefined && isOp(tokens[match.next], '#') && number(tokens, match.next + 1);
  if (!id) return { ...match, next: skipAnnotation(tokens, match.next) };
  return { captured: { ...match.captured, number: id.captured.number! }, next: skipAnnotation(tokens, id.next) };
};

function skipAnnotation(tokens: readonly Token[], at: number): number {
  if (!isOp(tokens[at], '<')) return at;
  const close = tokens.findIndex((token, i) => i > at && isOp(token, '>'));
  return close < 0 ? at : close + 1;
}

/** How each kind is recognised, and what it is called in an error. */
export const TOKEN_CLASSES: Readonly<Record<TokenClass, { readonly match: Matcher; readonly what: string }>> = {
  r: { match: register('r'), what: 'a register (r0 to r10)' },
  w: { match: register('w'), what: 'a 32-bit register (w0 to w9)' },
  number: { match: number, what: 'a number' },
  offset: { match: offset, what: 'an offset (+8 or -8)' },
  name: { match: name, what: 'a name' },
  entry: { match: entry, what: 'a name' },
  target: { match: target, what: 'a label' },
  callee: { match: callee, what: 'a function' },
};
