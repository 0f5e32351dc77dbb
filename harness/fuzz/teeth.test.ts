import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, test } from '@jest/globals';
import { FAULTS, faultNamed } from '../fault/catalogue';
import type { Fault } from '../fault/fault';
import { NOT_FOUND, teethPage, teethSummary } from './teeth-page';
import { ResultsError, SEEDS, TeethResults } from './teeth-results';
import { AS_CAMPAIGN, runTeeth, seek } from './teeth-run';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'teeth-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Seeks one mutant in few cases. */
function found(fault: Fault, cap: number): { cases: number; found: string | null } {
  const steps = seek(fault, { ...AS_CAMPAIGN, seed: 1, cap });
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}

describe('mutants that hardly any program hides', () => {
  it.each(['F01', 'F02', 'F08', 'F12', 'F22', 'F36', 'K1', 'K3', 'K8', 'B10'])('%s, in a few cases', (id) => {
    const { cases, found: what } = found(faultNamed(id)!, 200);
    expect(what).not.toBeNull();
    expect(cases).toBeLessThan(50);
  });

  it.each(['F13', 'F27', 'F40'])('%s, by its bytes', (id) => {
    expect(found(faultNamed(id)!, 200)).toMatchObject({ found: 'bytes' });
  });

  it('nothing is found where nothing is wrong, not even what is known', () => {
    const none: Fault = { ...faultNamed('F01')!, mutation: { stream: (items) => [...items] } };
    expect(found(none, 60)).toMatchObject({ cases: 60, found: null });
    // An exception from a private boundary is wrong without the fault.
    const idle: Fault = { ...faultNamed('F01')!, mutation: { policy: (policy) => policy } };
    expect(found(idle, 20)).toMatchObject({ found: null });
  });
});

describe('results', () => {
  const fault = faultNamed('F01')!;
  const file = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };
  const line = (seed: number, cases: number, what: string | null, id = 'F01'): string =>
    `${JSON.stringify({ fault: id, seed, cases, found: what })}\n`;

  it('are added to, go on where they ended, and are not sought again', async () => {
    const path = file('resumed', '');
    const search = { ...AS_CAMPAIGN, cap: 70 };
    const run = async (signal: AbortSignal, faults: readonly Fault[]): Promise<string[]> => {
      const done: string[] = [];
      const results = new TeethResults(path);
      await runTeeth({ faults, seeds: [1], search, results, signal, done: (each) => void done.push(each.fault) });
      return done;
    };
    const never = new AbortController().signal;
    const silent: Fault = { ...fault, id: 'silent', mutation: { stream: (items) => [...items] } };
    expect(await run(AbortSignal.abort(), [silent])).toEqual([]);
    expect(readFileSync(path, 'utf8')).toBe(line(1, 64, null, 'silent'));
    appendFileSync(path, '{"fault":"sil');
    expect(await run(never, [silent, fault])).toEqual(['silent', 'F01']);
    expect(await run(never, [silent, fault])).toEqual([]);
    expect(new TeethResults(path).of('silent', 1)).toMatchObject({ cases: 70, found: null });
  });

  it.each([
    ['no JSON', '{"fault"\n', /:2: this is no JSON/],
    ['another thing', '{"fault":"F01"}\n', /:2: expected \{"fault": id/],
  ])('that are %s: file and line', (name, text, message) => {
    const path = file(name.replace(' ', '-'), line(1, 3, 'r0') + text);
    expect(() => new TeethResults(path)).toThrow(ResultsError);
    expect(() => new TeethResults(path)).toThrow(message);
  });

  test.each<[what: string, lines: string, median: number | null | undefined]>([
    ['all seeds', [9, 1, 4, 7, 2].map((cases, i) => line(i + 1, cases, 'r0')).join(''), 4],
    ['one gives up', [9, 1, 4, 7].map((cases, i) => line(i + 1, cases, 'r0')).join('') + line(5, 10, null), 7],
    ['three give up: two need not be sought', [1, 2, 3].map((seed) => line(seed, 10, null)).join(''), null],
    [
      'one is not done',
      [9, 1, 4, 7].map((cases, i) => line(i + 1, cases, 'r0')).join('') + line(5, 6, null),
      undefined,
    ],
  ])('have a median: %s', (what, lines, median) => {
    const results = new TeethResults(file(what.replaceAll(' ', '-'), lines));
    const { behaviour, missed, open } = teethSummary([fault], results, 10);
    expect([behaviour[0]?.median, missed.length, open.length]).toEqual([
      median ?? undefined,
      median === null ? 1 : 0,
      median === undefined ? 1 : 0,
    ]);
  });
});

describe('the results that are shipped', () => {
  const results = new TeethResults(join(__dirname, 'testdata', 'teeth.ndjson'));
  const { behaviour, bytes, missed, open } = teethSummary(FAULTS, results);

  it('are of every mutant: `privstack teeth harness/fuzz/testdata/teeth.ndjson` seeks those that are missing', () => {
    expect(open.map(({ id }) => id)).toEqual([]);
    expect(SEEDS).toHaveLength(5);
  });

  it('find 95 % of them, and say why not the others', () => {
    expect((behaviour.length + bytes.length) / FAULTS.length).toBeGreaterThanOrEqual(0.95);
    expect(missed.map(({ id }) => id).toSorted()).toEqual(Object.keys(NOT_FOUND).toSorted());
  });

  it('stand in docs/fuzzing.md: `privstack teeth harness/fuzz/testdata/teeth.ndjson --page` prints the section', () => {
    const page = readFileSync(join(__dirname, '..', '..', 'docs', 'fuzzing.md'), 'utf8');
    const [, section] = page.split(/^## Teeth\n/m);
    expect(`## Teeth\n${section!.split(/^## /m)[0]!.trimEnd()}\n`).toBe(teethPage(FAULTS, results));
  });
});
