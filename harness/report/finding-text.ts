import { tally } from './group';
import { pad, wrap } from './layout';
import type { CaseReport, FindingReport, SourcePlace } from './model';
import { visible } from './visible';
import { counted, placeText, primaryFindings, subprogText } from './words';

/** Colours by what a piece of text is, so that plain text is the same code. */
export interface FindingPaint {
  heading(text: string): string;
  label(text: string): string;
  wrong(text: string): string;
}

export const PLAIN: FindingPaint = { heading: (text) => text, label: (text) => text, wrong: (text) => text };

const MAX_FINDINGS = 3;
const MAX_CHECKS = 5;
const LABEL_WIDTH = 9;

interface Row {
  readonly label: string;
  /** Null: the row is left out. */
  value(finding: FindingReport): string | null;
  /** Bad news is painted. */
  readonly wrong?: true;
  /** A command is copied, so it stays on one line. */
  readonly verbatim?: true;
}

const ROWS: readonly Row[] = [
  { label: 'where', value: bpfText },
  { label: 'machine', value: machineText, verbatim: true },
  { label: 'spec', value: ({ yaml }) => (yaml && yaml.text === undefined ? placeText(yaml) : null), verbatim: true },
  { label: 'source', value: ({ yaml }) => sourceText(yaml), verbatim: true },
  { label: 'want', value: ({ want }) => want },
  { label: 'got', value: ({ got }) => got, wrong: true },
  { label: 'culprit', value: ({ culprit }) => culprit, wrong: true },
  { label: 'replay', value: ({ replay }) => replay, verbatim: true },
];

function bpfText(finding: FindingReport): string {
  const pc = finding.bpfPc === null ? '' : ` pc ${finding.bpfPc}`;
  return `${subprogText(finding)}${pc}${finding.bpf === null ? '' : `: ${finding.bpf}`}`;
}

/** The line of C that an instruction is made of. */
const sourceText = (place: SourcePlace | null): string | null =>
  place?.text === undefined ? null : `${place.file}:${place.line}: ${place.text}`;

function machineText(finding: FindingReport): string | null {
  if (finding.machineOffset === null) return finding.machine;
  const place = `${subprogText(finding)}+0x${finding.machineOffset.toString(16)}`;
  return finding.machine === null ? place : `${place}: ${finding.machine}`;
}

/** A finding: a sentence, then a labelled line for each thing that is known. */
export function findingLines(finding: FindingReport, paint: FindingPaint): string[] {
  const heading = wrap(`${finding.check}: ${finding.message}`, 2).map((line) => paint.heading(line));
  return [...heading, ...ROWS.flatMap((row) => rowLines(row, finding, paint))];
}

function rowLines({ label, value, wrong, verbatim }: Row, finding: FindingReport, paint: FindingPaint): string[] {
  const text = value(finding);
  if (text === null) return [];
  const lines = verbatim ? [visible(text)] : wrap(text, LABEL_WIDTH + 4);
  const painted = wrong ? lines.map((line) => paint.wrong(line)) : lines;
  return painted.map((line, index) => `  ${paint.label(pad(index === 0 ? label : '', LABEL_WIDTH))}${line}`);
}

/** The findings of a case: the first few in full, the rest counted; all of them where `verbose`. */
export function caseFindingLines(result: CaseReport, paint: FindingPaint, verbose = false): string[] {
  const full = verbose ? result.findings : primaryFindings(result).slice(0, MAX_FINDINGS);
  const rest = result.findings.filter((finding) => !full.includes(finding));
  return [
    ...full.flatMap((finding) => findingLines(finding, paint)),
    ...restLines(
      rest.filter(({ consequence }) => !consequence),
      'further finding',
      '',
    ),
    ...restLines(
      rest.filter(({ consequence }) => consequence),
      'later finding',
      'consequences: ',
    ),
  ];
}

function restLines(rest: readonly FindingReport[], noun: string, kind: string): string[] {
  if (rest.length === 0) return [];
  const checks = tally(rest.map(({ check }) => check));
  const named = checks.slice(0, MAX_CHECKS).map(([check, count]) => `${check} ${count}`);
  const others = checks.slice(MAX_CHECKS).reduce((sum, [, count]) => sum + count, 0);
  const list = [...named, ...(others > 0 ? [`others ${others}`] : [])].join(', ');
  return wrap(`and ${counted(rest.length, noun)}, ${kind}${list}`, 2);
}
