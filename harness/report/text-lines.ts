import { bySeries, groupBy, type SpecGroup } from './group';
import type { CaseReport, VerdictName } from './model';
import { counted, cpuText, outcome, variant } from './words';

/** What stands for one or more cases in the list. */
export interface Line {
  readonly mark: string;
  readonly asDeclared: boolean;
  readonly name: string;
  readonly policy: string;
  readonly outcome: string;
  /** Why cases were refused or do not apply. */
  readonly reasons: readonly string[];
}

/** Of the points of one sweep that are not as declared, how many are shown one by one. */
export const MAX_POINTS = 3;
const MAX_REASONS = 3;

const MARKS: Record<VerdictName, string> = { holds: '✓', fails: '✓', refused: '✓', 'not-applicable': '-' };
const NOT_AS_DECLARED = '✗';
const EXPLAINED: ReadonlySet<VerdictName> = new Set(['refused', 'not-applicable']);

export function specLines(group: SpecGroup, verbose: boolean): Line[] {
  return bySeries(group).flatMap((series) => {
    if (verbose || series.length === 1) return series.map((result) => caseLine(group, result));
    const kept = series.filter(({ asDeclared }) => asDeclared);
    const others = series.filter(({ asDeclared }) => !asDeclared);
    return [
      ...(kept.length > 0 ? [sweepLine(group, kept, series.length)] : []),
      ...others.slice(0, MAX_POINTS).map((result) => caseLine(group, result)),
      ...(others.length > MAX_POINTS ? [restLine(group, others)] : []),
    ];
  });
}

function caseLine(group: SpecGroup, result: CaseReport): Line {
  return line(group, result, outcome(result), [result], true);
}

/** The points that are as declared: `holds (60 of 65 points); refused, as declared (5 of 65 points)`. */
function sweepLine(group: SpecGroup, kept: readonly CaseReport[], all: number): Line {
  const texts = groupBy(kept, outcome).map((same) => {
    const share = same.length === all ? '' : `${same.length} of `;
    return `${outcome(same[0]!)} (${share}${counted(all, 'point')})`;
  });
  return line(group, kept[0]!, texts.join('; '), kept, false);
}

function restLine(group: SpecGroup, others: readonly CaseReport[]): Line {
  const text = `and ${counted(others.length - MAX_POINTS, 'more point')}, not as declared`;
  return line(group, others[0]!, text, [], false);
}

function line(
  group: SpecGroup,
  first: CaseReport,
  outcomeText: string,
  explained: readonly CaseReport[],
  withPoint: boolean,
): Line {
  const { asDeclared, verdict, policy } = first;
  return {
    mark: asDeclared ? MARKS[verdict] : NOT_AS_DECLARED,
    asDeclared,
    name: [group.spec, ...variant(group, first, withPoint)].join(' · '),
    policy: [policy, ...cpuText(group, first)].join(' '),
    outcome: outcomeText,
    reasons: reasonsOf(explained),
  };
}

/** Cases that are not as declared explain themselves further down. */
function reasonsOf(cases: readonly CaseReport[]): string[] {
  const explained = cases.filter(({ asDeclared, verdict }) => asDeclared && EXPLAINED.has(verdict));
  const reasons = [...new Set(explained.flatMap(({ reason }) => reason ?? []))];
  const more = reasons.length - MAX_REASONS;
  return [...reasons.slice(0, MAX_REASONS), ...(more > 0 ? [`and ${counted(more, 'more reason')}`] : [])];
}
