import { visible, visibleLines } from './visible';

const WIDTH = 110;

/** Columns, counted in code points: wide and combining characters are rare enough in names to misalign. */
export function widthOf(text: string): number {
  return [...text].length;
}

export function pad(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - widthOf(text)));
}

/** Not `Math.max(...widths)`: a long sweep has more rows than a call may have arguments. */
function widest(widths: readonly number[]): number {
  return widths.reduce((most, width) => Math.max(most, width), 0);
}

/** The widest of `texts` that fits: a longer one sticks out alone instead of pushing all the others away. */
export function columnWidth(texts: readonly string[], limit: number): number {
  return widest(texts.map(widthOf).filter((width) => width <= limit));
}

/** Breaks prose at spaces, to be indented by `indent` columns. */
export function wrap(text: string, indent: number): string[] {
  return visibleLines(text).flatMap((line) => wrapLine(line, WIDTH - indent));
}

function wrapLine(text: string, width: number): string[] {
  if (widthOf(text) <= width) return [text];
  const lines = [''];
  for (const word of text.split(' ')) {
    const last = lines.at(-1)!;
    if (last === '') lines[lines.length - 1] = word;
    else if (widthOf(last) + 1 + widthOf(word) <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

/** Rows with aligned columns; `paint` colours a padded cell. */
export function alignRows(
  rows: readonly (readonly string[])[],
  paint: (padded: string, row: number, column: number) => string = (padded) => padded,
): string[] {
  const shown = rows.map((row) => row.map(visible));
  const widths = (shown[0] ?? []).map((_, column) => widest(shown.map((row) => widthOf(row[column]!))));
  return shown.map((row, y) => {
    const last = row.length - 1;
    return row.map((cell, x) => paint(x === last ? cell : pad(cell, widths[x]!), y, x)).join('  ');
  });
}
