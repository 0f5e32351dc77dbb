import { bySpec, groupBy, type SpecGroup } from './group';
import type { CaseReport, FindingReport, SourcePlace } from './model';
import type { Reporter } from './reporter';
import { caseTitle, counted, outcome, primaryFindings, subprogText, summaryText } from './words';

/** For GitHub workflows: an annotation beside the YAML line of each case that is not as declared. */
export const github: Reporter = (report) => {
  const annotations = bySpec(report.results).flatMap(specAnnotations);
  return `${[...annotations, escapeData(summaryText(report))].join('\n')}\n`;
};

/** A workflow shows ten annotations of a step: the points of a sweep that fail alike share one. */
function specAnnotations(group: SpecGroup): string[] {
  const failing = group.cases.filter(({ asDeclared }) => !asDeclared);
  const alike = groupBy(failing, (result) => {
    const { check, program, subprog, bpfPc, yaml } = primaryFindings(result)[0] ?? {};
    return [result.scenario, result.policy, result.cpu, outcome(result), check, program, subprog, bpfPc, yaml];
  });
  return alike.map((same) => annotation(group, same[0]!, same.length - 1));
}

function annotation(group: SpecGroup, result: CaseReport, more: number): string {
  const finding = primaryFindings(result)[0];
  const properties: readonly [name: string, value: string | number][] = [
    ...place(group.file, finding?.yaml ?? null),
    ['title', caseTitle(group, result)],
  ];
  const message = [
    `${outcome(result)}${result.reason === null ? '' : `: ${result.reason}`}`,
    ...(finding ? findingMessage(finding) : []),
    ...(more > 0 ? [`and at ${counted(more, 'more point')}`] : []),
  ].join('\n');
  const list = properties.map(([name, value]) => `${name}=${escapeProperty(String(value))}`);
  return `::error ${list.join(',')}::${escapeData(message)}`;
}

function place(file: string, yaml: SourcePlace | null): [string, string | number][] {
  if (yaml === null) return [['file', file]];
  return [
    ['file', yaml.file],
    ['line', yaml.line],
    ['col', yaml.column],
  ];
}

function findingMessage(finding: FindingReport): string[] {
  const pc = finding.bpfPc === null ? '' : ` pc ${finding.bpfPc}`;
  return [
    `${finding.check} in ${subprogText(finding)}${pc}: ${finding.message}`,
    `want ${finding.want}, got ${finding.got}${finding.culprit === null ? '' : `, culprit: ${finding.culprit}`}`,
    finding.replay,
  ];
}

function escapeData(text: string): string {
  return text.replace(/%/g, '%25').replace(/\r/g, '%0D').replace(/\n/g, '%0A');
}

function escapeProperty(text: string): string {
  return escapeData(text).replace(/:/g, '%3A').replace(/,/g, '%2C');
}
