/** A place in a file; line and column count from 1. */
export interface Position {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** Where an instruction is written: of a compiled one the line of C. */
export interface SourcePosition extends Position {
  /** The line itself, where the file may not be at hand. */
  readonly text?: string;
  /** Of an object without lines: `section .text + 0x18`. */
  readonly place?: string;
}

/** Keys and indices that lead from the top of a document to a value. */
export type Path = readonly (string | number)[];

/** What is wrong with an input, as data. {@link formatIssue} makes the line that a person reads. */
export interface Issue extends Position {
  /** The value concerned, as `expect.policies.unsaved.first`; empty for the whole document. */
  readonly path: string;
  readonly message: string;
  readonly expected?: string;
  /** The name that was probably meant. */
  readonly suggestion?: string;
  /** Where in a file that has no lines: `section .text + 0x18`. */
  readonly place?: string;
}

/** What an issue may say beyond its message. */
export interface Hints {
  readonly expected?: string | undefined;
  readonly suggestion?: string | undefined;
  readonly place?: string | undefined;
}

/** An error inside a text (assembly, a tree, a term), before it is known where that text stands. */
export interface TextError extends Hints {
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

/** Builds an issue; hints that are absent leave no key behind. */
export function issueAt(position: Position, path: Path, message: string, hints: Hints = {}): Issue {
  const { file, line, column } = position;
  return {
    file,
    line,
    column,
    path: formatPath(path),
    message,
    ...(hints.expected === undefined ? {} : { expected: hints.expected }),
    ...(hints.suggestion === undefined ? {} : { suggestion: hints.suggestion }),
    ...(hints.place === undefined ? {} : { place: hints.place }),
  };
}

/** By file, line and column; files in the order in which they first appear. */
export function sortIssues(issues: readonly Issue[]): Issue[] {
  const files = [...new Set(issues.map((each) => each.file))];
  return [...issues].sort(
    (a, b) => files.indexOf(a.file) - files.indexOf(b.file) || a.line - b.line || a.column - b.column,
  );
}

/** `['scenarios', 'throw deep', 'do', 0]` as `scenarios."throw deep".do[0]`. */
export function formatPath(path: Path): string {
  return path.map((key, at) => formatKey(key, at)).join('');
}

function formatKey(key: string | number, at: number): string {
  if (typeof key === 'number') return `[${key}]`;
  const text = /^[\w-]+(\([\w.]+\))?$/.test(key) ? key : JSON.stringify(key);
  return at === 0 ? text : `.${text}`;
}

/** One line: `file:line:column  path: what, and what was expected`; of a file without lines `file: place: what`. */
export function formatIssue(issue: Issue): string {
  const where = issue.place === undefined ? `${issue.line}:${issue.column} ` : ` ${issue.place}:`;
  const place = `${issue.file}:${where}`;
  const path = issue.path === '' ? '' : `${issue.path}: `;
  const expected = issue.expected === undefined ? '' : `, expected ${issue.expected}`;
  const suggestion = issue.suggestion === undefined ? '' : ` (did you mean \`${issue.suggestion}\`?)`;
  return `${place} ${path}${issue.message}${expected}${suggestion}`;
}
