import type { LowerContext } from './context';
import type { Path } from './issues';
import { suggest } from './jit';
import type { Spec } from './schema';
import { oneOf } from './words';

/** One combination of the values of a sweep, by key: `depth(main)`, `seed`. */
export type Point = Readonly<Record<string, number>>;

const MAX_POINTS = 10_000;
const RANGE = /^(\d{1,9})\.\.(\d{1,9})$/;

/** What a sweep's key can name. */
interface Axis {
  readonly pattern: RegExp;
  readonly shown: string;
  readonly max: number;
}

const AXES: readonly Axis[] = [
  { pattern: /^seed$/, shown: 'seed', max: Number.MAX_SAFE_INTEGER },
  { pattern: /^depth\([\w.]+\)$/, shown: 'depth(<subprog>)', max: 512 },
];

/** All points of a spec's sweep, the last key varying fastest; one empty point where there is no sweep. */
export function sweepPoints(spec: Spec, context: LowerContext): Point[] {
  let points: Point[] = [{}];
  for (const [key, written] of Object.entries(spec.sweep ?? {})) {
    const values = axisValues(key, written, context);
    if (values.length * points.length > MAX_POINTS) {
      context.reportKey(['sweep'], `more than ${MAX_POINTS} points`, { expected: 'fewer or shorter ranges' });
      return [];
    }
    points = points.flatMap((point) => values.map((value) => ({ ...point, [key]: value })));
  }
  return points;
}

/** The subprog of a `depth(...)` key. */
export function depthKey(key: string): string | undefined {
  return /^depth\(([\w.]+)\)$/.exec(key)?.[1];
}

function axisValues(key: string, written: readonly number[] | string, context: LowerContext): number[] {
  const path: Path = ['sweep', key];
  const axis = AXES.find((each) => each.pattern.test(key));
  if (!axis) {
    const known = AXES.map((each) => each.shown);
    context.reportKey(path, `unknown key \`${key}\``, { expected: oneOf(known), suggestion: suggest(key, known) });
    return [];
  }
  const values = typeof written === 'string' ? rangeValues(written, path, context) : [...written];
  const large = values.findIndex((value) => value > axis.max);
  if (large < 0) return values;
  const at = typeof written === 'string' ? path : [...path, large];
  context.report(at, depthKey(key) ? `frame of ${values[large]} bytes` : `${values[large]}`, {
    expected: `at most ${axis.max}`,
  });
  return [];
}

function rangeValues(text: string, path: Path, context: LowerContext): number[] {
  const [, from, to] = RANGE.exec(text) ?? [];
  if (from === undefined || to === undefined) {
    context.report(path, JSON.stringify(text), { expected: 'a list of numbers or a range "0..64"' });
    return [];
  }
  const count = Number(to) - Number(from) + 1;
  if (count < 1) {
    context.report(path, `the range ${text} runs backwards`, { expected: `"${to}..${from}"` });
    return [];
  }
  return Array.from({ length: Math.min(count, MAX_POINTS + 1) }, (_, at) => Number(from) + at);
}
