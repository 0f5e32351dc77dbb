/** One statement of a body, without comment and labels. */
export interface Statement {
  readonly line: number;
  /** Where its text begins, from 1. */
  readonly column: number;
  readonly text: string;
}

/** A label and the statement that it stands before (as an index; the number of statements at the end of the body). */
export interface Label {
  readonly name: string;
  readonly line: number;
  readonly column: number;
  readonly before: number;
}

const LABEL = /^\s*([A-Za-z_.][\w.]*)\s*:(?!:)/;

/** `fs:[0]` cannot begin a statement, so whatever stands before a colon there is a label. */
export function splitStatements(text: string): { statements: Statement[]; labels: Label[] } {
  const statements: Statement[] = [];
  const labels: Label[] = [];
  for (const [at, raw] of text.split(/\r\n|\r|\n/).entries()) {
    const code = raw.replace(/(#|\/\/).*$/s, '');
    let column = 1;
    for (const part of code.split(';')) {
      let rest = part;
      let start = column;
      for (let match = LABEL.exec(rest); match !== null; match = LABEL.exec(rest)) {
        const name = match[1]!;
        labels.push({ name, line: at + 1, column: start + match[0].indexOf(name), before: statements.length });
        rest = rest.slice(match[0].length);
        start += match[0].length;
      }
      const trimmed = rest.trim();
      if (trimmed !== '') {
        statements.push({ line: at + 1, column: start + rest.indexOf(trimmed), text: trimmed });
      }
      column += part.length + 1;
    }
  }
  return { statements, labels };
}
