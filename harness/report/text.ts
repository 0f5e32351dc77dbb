import pc from 'picocolors';
import { caseFindingLines } from './finding-text';
import { frameTable } from './frame-table';
import { bySeries, bySpec, type SpecGroup } from './group';
import { columnWidth, pad, wrap } from './layout';
import type { CaseReport } from './model';
import type { Reporter } from './reporter';
import { type Line, MAX_POINTS, specLines } from './text-lines';
import { visible } from './visible';
import { caseTitle, counted, elapsedText, outcome, summaryText, totalMilliseconds } from './words';

type Colors = ReturnType<typeof pc.createColors>;

const MAX_NAME = 56;
const MAX_POLICY = 24;

/** For people in a terminal: a line per case, tables, then what is not as declared in full, where the eye is left. */
export const text: Reporter = (report, { color, verbose = false }) => {
  const colors = pc.createColors(color);
  const groups = bySpec(report.results);
  const sections = [
    overview(groups, verbose, colors),
    ...groups.flatMap((group) => failures(group, verbose, colors)),
    [summary(report.results, summaryText(report), colors)],
  ];
  return sections
    .filter((lines) => lines.length > 0)
    .map((lines) => `${lines.join('\n').trimEnd()}\n`)
    .join('\n');
};

function overview(groups: readonly SpecGroup[], verbose: boolean, colors: Colors): string[] {
  const lines = groups.map((group) => specLines(group, verbose));
  const shown = lines.flat();
  const widths = {
    name: columnWidth(
      shown.map(({ name }) => visible(name)),
      MAX_NAME,
    ),
    policy: columnWidth(
      shown.map(({ policy }) => visible(policy)),
      MAX_POLICY,
    ),
  };
  return groups.flatMap((group, index) => [
    ...lines[index]!.flatMap((line) => listed(line, widths, colors)),
    ...table(group, verbose, colors),
    ...group.cases.flatMap((result) => keptTrace(group, result, colors)),
  ]);
}

function listed(line: Line, widths: { readonly name: number; readonly policy: number }, colors: Colors): string[] {
  const paint = line.asDeclared ? colors.green : colors.red;
  const name = pad(visible(line.name), widths.name);
  const policy = pad(visible(line.policy), widths.policy);
  const first = `${paint(line.mark)} ${name}  ${colors.cyan(policy)}  ${paint(visible(line.outcome))}`;
  return [first, ...line.reasons.flatMap((reason) => indented(wrap(reason, 4).map(colors.dim), 4))];
}

function table(group: SpecGroup, verbose: boolean, colors: Colors): string[] {
  const rows = frameTable(group, verbose, (cell, isHeader) => (isHeader ? colors.dim(cell) : cell));
  return rows.length === 0 ? [] : ['', ...indented(rows, 4), ''];
}

/** The trace of a case that is as declared; those of the others stand before their findings. */
function keptTrace(group: SpecGroup, result: CaseReport, colors: Colors): string[] {
  if (!result.asDeclared || result.trace === undefined) return [];
  return [`  trace of ${visible(caseTitle(group, result))}`, ...traceLines(result.trace, colors), ''];
}

function traceLines(trace: readonly string[], colors: Colors): string[] {
  const lines = trace.map((event) => colors.dim(visible(event)));
  return indented(lines, 4);
}

/** A section for each case that is not as declared, and one that counts the rest of its sweep. */
function failures(group: SpecGroup, verbose: boolean, colors: Colors): string[][] {
  return bySeries(group).flatMap((series) => {
    const others = series.filter(({ asDeclared }) => !asDeclared);
    const full = verbose ? others : others.slice(0, MAX_POINTS);
    const more = others.length - full.length;
    const rest = `  and ${counted(more, 'more point')} of this sweep, not as declared`;
    return [...full.map((result) => failure(group, result, verbose, colors)), ...(more > 0 ? [[rest]] : [])];
  });
}

function failure(group: SpecGroup, result: CaseReport, verbose: boolean, colors: Colors): string[] {
  const paint = { heading: colors.bold, label: colors.dim, wrong: colors.red };
  const verdict = [outcome(result), ...(result.reason === null ? [] : [result.reason])].join(': ');
  return [
    `${colors.bold(colors.red(`✗ ${visible(caseTitle(group, result))}`))}  ${colors.dim(visible(group.file))}`,
    ...indented(wrap(verdict, 2).map(colors.red), 2),
    ...(result.trace === undefined ? [] : ['  trace', ...traceLines(result.trace, colors)]),
    ...indented(caseFindingLines(result, paint, verbose), 2),
  ];
}

function summary(results: readonly CaseReport[], words: string, colors: Colors): string {
  const paint = results.every(({ asDeclared }) => asDeclared) ? colors.green : colors.red;
  const elapsed = results.length === 0 ? '' : `; ${elapsedText(totalMilliseconds(results))}`;
  return `${colors.bold(paint(words))}${elapsed}`;
}

function indented(lines: readonly string[], columns: number): string[] {
  return lines.map((line) => (line === '' ? '' : ' '.repeat(columns) + line));
}
