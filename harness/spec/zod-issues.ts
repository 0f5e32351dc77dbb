import type * as z from 'zod';
import { type Hints, type Issue, issueAt, type Path } from './issues';
import { suggest } from './jit';
import { CALLEE_SAVED } from './names';
import type { Plain } from './plain';
import type { SpecSource } from './source';
import { oneOf } from './words';

type ZodIssue = z.core.$ZodIssue;

/** Validates plain data; every issue says what was found, what was expected and where that stands. */
export function validate<T>(
  schema: z.ZodType<T>,
  data: Plain,
  source: SpecSource,
): { ok: true; value: T } | { ok: false; issues: Issue[] } {
  const result = schema.safeParse(data, { error: knownKeys });
  if (result.success) return { ok: true, value: result.data };
  const report = new Report(data, source);
  for (const issue of result.error.issues) report.add(issue, []);
  return { ok: false, issues: report.issues };
}

// zod names the unknown keys but not the known ones. An error map sees the schema itself, so an unknown key's message
// carries the names that would have been known, for the suggestion.
const knownKeys: z.core.$ZodErrorMap = (issue) => {
  const shape = (issue.inst?._zod.def as { shape?: object } | undefined)?.shape;
  return issue.code === 'unrecognized_keys' && shape ? Object.keys(shape).join(' ') : undefined;
};

class Report {
  readonly issues: Issue[] = [];

  constructor(
    private readonly data: Plain,
    private readonly source: SpecSource,
  ) {}

  add(issue: ZodIssue, base: Path): void {
    const path = [...base, ...(issue.path as Path)];
    const found = describe(this.#at(path));
    switch (issue.code) {
      case 'unrecognized_keys':
        for (const key of issue.keys) this.#unknownKey([...path, key], key, issue.message.split(' '));
        return;
      case 'invalid_union':
        this.#union(issue.errors, path, issue.message.startsWith('Invalid') ? 'kind' : issue.message);
        return;
      case 'invalid_key':
        this.#key(path, 'not a valid key', { expected: issue.issues[0]?.message });
        return;
      case 'invalid_type':
        if (this.#at(path) === undefined) this.#missing(path, typeWords(issue));
        else this.#value(path, found, { expected: typeWords(issue) });
        return;
      case 'invalid_value':
        this.#choice(path, issue.values.map(String));
        return;
      case 'invalid_format':
        this.#value(path, found, { expected: issue.message });
        return;
      case 'too_big':
        this.#value(path, found, { expected: `at most ${issue.maximum}${units(issue.origin)}` });
        return;
      case 'too_small':
        this.#value(path, found, { expected: `at least ${issue.minimum}${units(issue.origin)}` });
        return;
      default:
        this.#value(path, found, { expected: issue.message });
    }
  }

  /** Reports the alternative that was most likely meant; when none is, all that the alternatives expect. */
  #union(branches: readonly ZodIssue[][], path: Path, noun: string): void {
    const value = this.#at(path);
    const fitting = branches.filter((issues) => !issues.some((issue) => isOfOtherType(issue, value)));
    const least = Math.min(...fitting.map(mistakes));
    const best = fitting.filter((issues) => mistakes(issues) === least);
    if (best.length === 1 && !isStranger(best[0]!, value)) {
      for (const issue of best[0]!) this.add(issue, path);
      return;
    }
    if (fitting.length === 0) {
      const expected = branches.flatMap((issues) => issues.flatMap(expectedType));
      this.#value(path, describe(value), { expected: oneOf(new Set(expected)) });
      return;
    }
    // Of several alternatives each is told by its first key.
    const kinds = fitting.flatMap((issues) => missingKeys(issues, value).slice(0, fitting.length > 1 ? 1 : undefined));
    const keys = Object.keys(value as object);
    const suggestion = keys.map((key) => suggest(key, kinds)).find((each) => each !== undefined);
    const shown = keys.length === 0 ? 'an empty mapping' : `unknown ${noun} \`${keys[0]}\``;
    this.#value(path, shown, { expected: oneOf(new Set(kinds)), suggestion });
  }

  #missing(path: Path, expected: string): void {
    const key = path[path.length - 1];
    this.#value(path.slice(0, -1), `\`${key}\` is missing`, { expected });
  }

  #choice(path: Path, values: readonly string[]): void {
    const value = this.#at(path);
    const suggestion = typeof value === 'string' ? suggest(value, values) : undefined;
    if (value === undefined) this.#missing(path, oneOf(values));
    else this.#value(path, describe(value), { expected: oneOf(values), suggestion });
  }

  #unknownKey(path: Path, key: string, known: readonly string[]): void {
    const kept = (CALLEE_SAVED as readonly string[]).includes(key) && known.includes('rax');
    const message = kept ? `${key} is callee-saved: a helper keeps it` : `unknown key \`${key}\``;
    this.#key(path, message, { expected: oneOf(known), suggestion: kept ? undefined : suggest(key, known) });
  }

  #key(path: Path, message: string, hints: Hints): void {
    this.issues.push(issueAt(this.source.key(path), path, message, hints));
  }

  #value(path: Path, message: string, hints: Hints): void {
    this.issues.push(issueAt(this.source.value(path), path, message, hints));
  }

  #at(path: Path): Plain | undefined {
    let value: Plain | undefined = this.data;
    for (const key of path) {
      if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
      value = (value as Record<string | number, Plain>)[key];
    }
    return value;
  }
}

const TYPE_WORDS: Readonly<Record<string, string>> = {
  object: 'a mapping',
  record: 'a mapping',
  array: 'a list',
  string: 'text',
  int: 'a whole number',
  number: 'a number',
};

const units = (origin: string): string =>
  ({ string: ' characters', array: ' entries', set: ' entries', map: ' entries' })[origin] ?? '';

/** Each key that is unknown is a mistake of its own. */
const mistakes = (issues: readonly ZodIssue[]): number =>
  issues.reduce((sum, issue) => sum + (issue.code === 'unrecognized_keys' ? issue.keys.length : 1), 0);

/** The value itself, not one of its parts, is of another type than the alternative takes. */
function isOfOtherType(issue: ZodIssue, value: Plain | undefined): boolean {
  if (issue.path.length > 0) return false;
  if (issue.code === 'invalid_value') return typeof value !== 'string';
  return issue.code === 'invalid_type' && !(issue.expected === 'int' && typeof value === 'number');
}

function expectedType(issue: ZodIssue): string[] {
  if (issue.code === 'invalid_value') return issue.values.map(String);
  return issue.code === 'invalid_type' && issue.expected !== 'never' ? [typeWords(issue)] : [];
}

/** A schema's own words where it has some. */
const typeWords = (issue: z.core.$ZodIssueInvalidType): string =>
  issue.message.startsWith('Invalid') ? (TYPE_WORDS[issue.expected] ?? issue.expected) : issue.message;

const missingKeys = (issues: readonly ZodIssue[], value: Plain | undefined): string[] =>
  issues.flatMap((issue) => {
    const key = issue.path[0];
    return issue.path.length === 1 && typeof key === 'string' && !Object.hasOwn(value as object, key) ? [key] : [];
  });

/** Nothing in the value belongs to the alternative: it lacks a key, and has only keys that are not known there. */
function isStranger(issues: readonly ZodIssue[], value: Plain | undefined): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const unknown = issues.flatMap((issue) => (issue.code === 'unrecognized_keys' ? issue.keys : []));
  return missingKeys(issues, value).length > 0 && Object.keys(value).every((key) => unknown.includes(key));
}

function describe(value: Plain | undefined): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'an empty value';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
