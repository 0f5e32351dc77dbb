import { pad, widthOf } from './layout';
import { visible } from './visible';

const GAP = '  ';

/** Where a heading is broken: `linux-6.18-fixed` is three lines. */
const HYPHEN = /-(?=\w)/;

/** Lines of a table whose headings are broken at hyphens and stand at the bottom of their lines. */
export function stackedTable(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  paint: (padded: string, cell: string, column: number) => string = (padded) => padded,
): string[] {
  const parts = headings.map((heading) => visible(heading).split(HYPHEN));
  const height = parts.reduce((most, each) => Math.max(most, each.length), 1);
  const head = Array.from({ length: height }, (_, y) => parts.map((each) => each[y - height + each.length] ?? ''));
  const shown = rows.map((row) => row.map(visible));
  const widths = headings.map((_, x) => [...head, ...shown].reduce((most, row) => Math.max(most, widthOf(row[x]!)), 0));
  const line = (row: readonly string[], cell: (padded: string, x: number) => string) =>
    row
      .map((text, x) => cell(pad(text, widths[x]!), x))
      .join(GAP)
      .trimEnd();
  return [
    ...head.map((row) => line(row, (padded) => padded)),
    ...shown.map((row) => line(row, (padded, x) => paint(padded, row[x]!, x))),
  ];
}
