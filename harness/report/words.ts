import type { SpecGroup } from './group';
import type { CaseReport, FindingReport, Report, SourcePlace, VerdictName } from './model';

const VERDICTS: Record<VerdictName, string> = {
  holds: 'holds',
  fails: 'fails',
  refused: 'refused',
  'not-applicable': 'not applicable',
};

export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** The findings that are no consequence of another; the first one, where all claim to be. */
export function primaryFindings({ findings }: CaseReport): readonly FindingReport[] {
  const primary = findings.filter(({ consequence }) => !consequence);
  return primary.length > 0 ? primary : findings.slice(0, 1);
}

/** A verdict and how it relates to the declared one: `fails frame-address, declared holds`. */
export function outcome(result: CaseReport): string {
  const check = result.verdict === 'fails' ? primaryFindings(result)[0]?.check : undefined;
  const verdict = check === undefined ? VERDICTS[result.verdict] : `${VERDICTS[result.verdict]} ${check}`;
  return `${verdict}${relation(result)}`;
}

function relation({ verdict, declared, asDeclared }: CaseReport): string {
  if (verdict !== declared) return `, declared ${VERDICTS[declared]}`;
  if (!asDeclared) return ', not as declared';
  return verdict === 'holds' ? '' : ', as declared';
}

export function pointText(point: CaseReport['point']): string {
  return Object.entries(point)
    .map(([key, value]) => `${key}=${value}`)
    .join(', ');
}

/** What tells a case from the others of its spec, without policy and CPU: scenario and point. */
export function variant({ showScenario }: SpecGroup, result: CaseReport, withPoint: boolean): string[] {
  const point = withPoint ? pointText(result.point) : '';
  return [...(showScenario ? [result.scenario] : []), ...(point === '' ? [] : [point])];
}

export function cpuText({ showCpu }: SpecGroup, { cpu }: CaseReport): string[] {
  return showCpu ? [`cpu ${cpu}`] : [];
}

/** A case in one phrase, unique in its spec. */
export function caseTitle(group: SpecGroup, result: CaseReport): string {
  return [group.spec, ...variant(group, result, true), result.policy, ...cpuText(group, result)].join(' · ');
}

export function placeText({ file, line, column }: SourcePlace): string {
  return `${file}:${line}:${column}`;
}

/** `subprog` as a spec names it, with its program. */
export function subprogText({ program, subprog }: FindingReport): string {
  if (subprog === null) return program;
  return subprog.startsWith(`${program}.`) ? subprog : `${program}.${subprog}`;
}

export function summaryText({ results }: Report): string {
  if (results.length === 0) return 'no cases';
  const kept = results.filter(({ asDeclared }) => asDeclared).length;
  return `${counted(kept, 'case')} as declared, ${results.length - kept} not`;
}

export function elapsedText(milliseconds: number): string {
  if (milliseconds < 999.5) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 59_950) return `${(milliseconds / 1000).toFixed(1)} s`;
  const seconds = Math.round(milliseconds / 1000);
  return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, '0')} s`;
}

export function totalMilliseconds(results: readonly CaseReport[]): number {
  return results.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
}
