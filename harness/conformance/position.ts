/** What is wrong in a file, and where; both count from 1. */
export interface DataError {
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

/** An error as compilers print them. */
export const formatDataError = (file: string, { line, column, message }: DataError): string =>
  `${file}:${line}:${column}: ${message}`;

/** A line of a file, with its comment cut off. */
export interface SourceLine {
  readonly text: string;
  readonly line: number;
}

/** A word of a line. */
export interface Word {
  readonly text: string;
  readonly line: number;
  readonly column: number;
}

/** The words of a line: what spaces and commas separate. Spaces inside brackets separate nothing. */
export function wordsOf({ text, line }: SourceLine): Word[] {
  return [...text.matchAll(/\[[^\]]*\]?|[^\s,[]+/g)].map((match) => ({
    text: match[0],
    line,
    column: match.index + 1,
  }));
}

/** An integer: decimal or hexadecimal, of either sign; undefined for anything else. */
export function integer(text: string): bigint | undefined {
  const match = /^([+-]?)(0[xX][0-9a-fA-F]+|\d+)$/.exec(text);
  if (!match) return undefined;
  const value = BigInt(match[2]!);
  return match[1] === '-' ? -value : value;
}
