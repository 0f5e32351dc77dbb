import type { FaultExplanation, FaultMatrix, FaultRow, ListingPair } from './faults-model';
import { findingLines, PLAIN } from './finding-text';
import { alignRows, pad, widthOf, wrap } from './layout';

const others = ({ killedBy, named }: FaultRow): string => {
  const rest = killedBy.filter((check) => check !== named);
  return rest.length === 0 ? '' : `and ${rest.join(', ')}`;
};

const state = (row: FaultRow): string => {
  if (!row.fired) return 'never fired';
  if (row.spec !== null) return row.spec;
  return row.survived ? 'survived' : 'wrong killer';
};

/** The kill matrix as text: a line for each mutant, then what is left out, then what is wrong. */
export function faultsText({ mutants, killed, rows, excluded, problems }: FaultMatrix): string {
  const table = alignRows(
    rows.map((row) => [row.spec === null ? '✗' : '✓', row.id, row.named, state(row), others(row)]),
  );
  const out = alignRows(excluded.map(({ id, reason }) => ['-', id, reason]));
  const total = `${mutants} mutants, ${killed} killed by the check that has to; ${excluded.length} left out`;
  return [
    ...table.map((line) => line.trimEnd()),
    '',
    ...out,
    '',
    ...problems.flatMap((each) => [each, '']),
    total,
    '',
  ].join('\n');
}

export function faultsJson({ mutants, killed, rows, excluded }: FaultMatrix): string {
  return `${JSON.stringify({ mutants, killed, rows, excluded }, null, 2)}\n`;
}

/** Lines around differences that are shown. */
const AROUND = 3;

/** Two listings side by side: what differs is marked, long stretches that do not are left out. */
function listingLines(pairs: readonly ListingPair[]): string[] {
  const shown = pairs.map((_, i) => pairs.slice(Math.max(0, i - AROUND), i + AROUND + 1).some((pair) => !pair.same));
  const width = Math.max(0, ...pairs.filter((_, i) => shown[i]).map(({ sound }) => widthOf(sound ?? '')));
  return pairs.flatMap(({ sound, mutant, same }, i) => {
    if (!shown[i]) return shown[i - 1] || i === 0 ? ['  ...'] : [];
    const mark = same ? ' ' : sound === null ? '>' : mutant === null ? '<' : '|';
    return [`  ${pad(sound ?? '', width)} ${mark} ${mutant ?? ''}`.trimEnd()];
  });
}

/** One fault: the story, what kills it, the finding, and the code with and without it. */
export function faultText({
  row,
  story,
  commit,
  policy,
  file,
  finding,
  of,
  listing,
  problem,
}: FaultExplanation): string {
  const kills = row.spec === null ? state(row) : file === null ? row.spec : `${row.spec} (${file})`;
  const head = alignRows([
    ['policy', policy],
    ['real', commit === null ? 'never, as far as is known' : `mended by ${commit}`],
    ['killed by', row.named],
    ['in', kills],
  ]);
  const code =
    of === null
      ? ['The code is the same: what is around it is not.']
      : [`${of}, as it is and with the fault:`, ...listingLines(listing)];
  return [
    ...wrap(`${row.id}: ${story}`, 0),
    ...head.map((line) => `  ${line}`),
    '',
    ...(finding ? [...findingLines(finding, PLAIN), ''] : []),
    ...code,
    ...(problem === null ? [] : ['', problem]),
    '',
  ].join('\n');
}
