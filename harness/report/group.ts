import type { CaseReport } from './model';

/** The cases of one spec, and which of their coordinates are worth naming. */
export interface SpecGroup {
  readonly file: string;
  readonly spec: string;
  readonly cases: readonly CaseReport[];
  readonly points: number;
  /** False when `plain` is the only scenario. */
  readonly showScenario: boolean;
  readonly showCpu: boolean;
}

/** Items of one key together, keys in the order of their first items. */
export function groupBy<T>(items: Iterable<T>, keyOf: (item: T) => unknown): T[][] {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = JSON.stringify(keyOf(item));
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return [...groups.values()];
}

/** How many times each value occurs, the most frequent first. */
export function tally(values: Iterable<string>): [value: string, count: number][] {
  return groupBy(values, (value) => value)
    .map((group): [string, number] => [group[0]!, group.length])
    .sort((a, b) => b[1] - a[1]);
}

export function bySpec(results: readonly CaseReport[]): SpecGroup[] {
  return groupBy(results, ({ file, spec }) => [file, spec]).map((cases) => ({
    file: cases[0]!.file,
    spec: cases[0]!.spec,
    cases,
    points: groupBy(cases, ({ point }) => point).length,
    showScenario: cases.some(({ scenario }) => scenario !== 'plain'),
    showCpu: cases.some(({ cpu }) => cpu !== cases[0]!.cpu),
  }));
}

/** The cases of a spec that differ in the sweep's values only. */
export function bySeries({ cases }: SpecGroup): CaseReport[][] {
  return groupBy(cases, ({ scenario, policy, cpu }) => [scenario, policy, cpu]);
}
