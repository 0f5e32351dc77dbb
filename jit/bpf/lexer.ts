/** Where something stands in a text; both count from 1. */
export interface SourcePosition {
  readonly line: number;
  readonly column: number;
}

/** What is wrong in a text, and where. */
export interface AsmError extends SourcePosition {
  readonly message: string;
  /** What could have stood there instead. */
  readonly expected?: readonly string[];
  /** What was most likely meant. */
  readonly suggestion?: string;
}

export type TokenKind = 'name' | 'number' | 'op' | 'end';

export interface Token extends SourcePosition {
  readonly kind: TokenKind;
  readonly text: string;
}

/** One line of a text as tokens. */
export interface LexedLine {
  /** The last one is of kind `end`. */
  readonly tokens: readonly Token[];
  readonly errors: readonly AsmError[];
  /** Of a line copied from a verifier log or a dump (`12: (b7) r1 = 5`): its opcode byte. */
  readonly opcode?: number;
}

/** `12: (b7) `, as the verifier and bpftool print, or `12: b7 01 00 00 05 00 00 00 `, as llvm-objdump does. */
const DUMP_PREFIX = /^\s*\d+:\s*(?:\(([0-9a-f]{2})\)|([0-9a-f]{2})(?:\s[0-9a-f]{2}){7,15}(?=\s))/;

const SIGNED_OPERATOR = /s(?:>>=|\/=|%=|>=|<=|>|<)/y;
const NAME = /[A-Za-z_.$][\w.$]*/y;
const NUMBER = /0[xX][0-9a-fA-F]+(?!\w)|\d+(?!\w)/y;
const BAD_NUMBER = /\d\w*/y;
const OPERATOR = /<<=|>>=|==|!=|>=|<=|\+=|-=|\*=|\/=|%=|\|=|&=|\^=|[-+*()[\],:;<>=&]/y;
/** `#` between a name and a number belongs to a call (`bpf_ktime_get_ns#5`); any other begins a comment. */
const GLUED_HASH = /(?<=[\w.$])#(?=-?\d)/y;
const SPACE_OR_COMMENT = /\s+|(?:\/\/|#).*/y;

/** Whether a text can name a label, a kfunc or a map: one token that is not a register. */
export const isName = (text: string): boolean =>
  /^[A-Za-z_.$][\w.$]*$/.test(text) && !/^(?:[rw]\d+|w?ax|pc)$/.test(text);

/** The order decides: a signed operator before a name, a glued `#` before a comment. */
const RULES: readonly (readonly [RegExp, TokenKind | undefined])[] = [
  [GLUED_HASH, 'op'],
  [SPACE_OR_COMMENT, undefined],
  [SIGNED_OPERATOR, 'op'],
  [NAME, 'name'],
  [NUMBER, 'number'],
  [OPERATOR, 'op'],
];

/** Splits a line into tokens. A character that begins none is reported and skipped. */
export function lexLine(text: string, line: number): LexedLine {
  const tokens: Token[] = [];
  const errors: AsmError[] = [];
  const prefix = DUMP_PREFIX.exec(text);
  // In a dump, what follows `;` is the verifier's state or the C source, not another statement.
  const end = prefix ? endOfDump(text) : text.length;
  let at = prefix ? prefix[0].length : 0;
  while (at < end) {
    const rule = RULES.find(([pattern]) => {
      pattern.lastIndex = at;
      return pattern.test(text);
    });
    if (!rule) {
      BAD_NUMBER.lastIndex = at;
      const bad = BAD_NUMBER.exec(text)?.[0] ?? String.fromCodePoint(text.codePointAt(at)!);
      errors.push({
        line,
        column: at + 1,
        message: `\`${bad}\` is ${/^\d/.test(bad) ? 'not a number' : 'not expected'}`,
      });
      at += bad.length;
      continue;
    }
    const next = rule[0].lastIndex;
    if (rule[1]) tokens.push({ kind: rule[1], text: text.slice(at, next), line, column: at + 1 });
    at = next;
  }
  tokens.push({ kind: 'end', text: '', line, column: text.trimEnd().length + 1 });
  const opcode = prefix?.[1] ?? prefix?.[2];
  return { tokens, errors, ...(opcode !== undefined && { opcode: Number.parseInt(opcode, 16) }) };
}

function endOfDump(text: string): number {
  const semicolon = text.indexOf(';');
  return semicolon < 0 ? text.length : semicolon;
}
