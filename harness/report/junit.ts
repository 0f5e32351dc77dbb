import { caseFindingLines, PLAIN } from './finding-text';
import { bySpec, groupBy, type SpecGroup } from './group';
import type { CaseReport } from './model';
import type { Reporter } from './reporter';
import { caseTitle, outcome, primaryFindings, totalMilliseconds } from './words';
import { type Attributes, element } from './xml';

/** For build servers: a suite per file, a case per case. What does not apply counts as skipped. */
export const junit: Reporter = ({ results }, { verbose = false }) => {
  const suites = groupBy(bySpec(results), ({ file }) => file);
  const root = element(
    'testsuites',
    { name: 'privstack', ...counts(results) },
    suites.flatMap((groups) => suite(groups, verbose)),
  );
  return `${['<?xml version="1.0" encoding="UTF-8"?>', ...root].join('\n')}\n`;
};

function suite(groups: readonly SpecGroup[], verbose: boolean): string[] {
  const cases = groups.flatMap((group) => group.cases.flatMap((result) => testcase(group, result, verbose)));
  return element('testsuite', { name: groups[0]!.file, ...counts(groups.flatMap((group) => group.cases)) }, cases);
}

function testcase(group: SpecGroup, result: CaseReport, verbose: boolean): string[] {
  const attributes = { classname: group.spec, name: caseTitle(group, result), file: group.file, time: time([result]) };
  return element('testcase', attributes, [
    ...(result.asDeclared ? [] : failure(result, verbose)),
    ...(isSkipped(result) ? element('skipped', { message: result.reason ?? '' }) : []),
    ...(result.trace === undefined ? [] : element('system-out', {}, result.trace.join('\n'))),
  ]);
}

function failure(result: CaseReport, verbose: boolean): string[] {
  const first = primaryFindings(result)[0];
  const message = [outcome(result), ...(result.reason === null ? [] : [result.reason])].join(': ');
  const lines = [message, ...caseFindingLines(result, PLAIN, verbose)];
  return element('failure', { message: first?.message ?? message, type: first?.check ?? 'verdict' }, lines.join('\n'));
}

function isSkipped({ asDeclared, verdict }: CaseReport): boolean {
  return asDeclared && verdict === 'not-applicable';
}

function counts(results: readonly CaseReport[]): Attributes {
  return {
    tests: results.length,
    failures: results.filter(({ asDeclared }) => !asDeclared).length,
    errors: 0,
    skipped: results.filter(isSkipped).length,
    time: time(results),
  };
}

function time(results: readonly CaseReport[]): string {
  return (totalMilliseconds(results) / 1000).toFixed(3);
}
