import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { privstack } from './testing';

const SLOW = 120_000;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'privstack-fuzz-test-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const SEARCH = ['fuzz', '--policy', 'unsaved', '--runs', '8', '--enough', '1', '--workers', '1'];

describe('a campaign', () => {
  test(
    'writes what it finds, with the commands that show it',
    async () => {
      const [out, results] = [join(folder, 'out'), join(folder, 'results.ndjson')];
      const found = await privstack([...SEARCH, '--out', out, '--results', results]);
      expect(found).toMatchObject({ code: 1, err: '' });
      expect(found.out).toMatch(/^programs: kprobe, tracepoint/);
      expect(found.out).toMatch(/\nfound: frame-address under unsaved, case \d+, \d+ instructions\n/);
      expect(found.out).toMatch(/\n1 found, 0 known \(--policy unsaved --seed 1\); enough was found/);
      const [, file] = / run (\S+\.yaml) --trace\n/.exec(found.out)!;
      const [, path] = / fuzz (--policy .*)\n/.exec(found.out)!;
      const shown = await privstack(['run', file!]);
      expect(shown).toMatchObject({ code: 1, out: expect.stringContaining('fails frame-address, declared holds') });
      const again = await privstack(['fuzz', ...path!.replaceAll("'", '').split(' '), '--out', out]);
      expect(again).toMatchObject({ code: 1, out: expect.stringMatching(/^found: frame-address under unsaved/) });
      const lines = readFileSync(results, 'utf8').trimEnd().split('\n');
      expect(Object.keys(JSON.parse(lines[0]!))).toEqual(['campaign']);
      expect(Object.keys(JSON.parse(lines[lines.length - 1]!))).toEqual(['end']);
      const merged = await privstack(['fuzz', '--merge', results, '--out', out]);
      expect(merged.out).toMatch(/\n1 found, 0 known/);
    },
    SLOW,
  );

  test(
    'prints what it cannot write',
    async () => {
      const { code, out, err } = await privstack([...SEARCH, '--out', '/dev/null/no', '--results', '/dev/null/nor']);
      expect({ code, out }).toEqual({
        code: 1,
        out: expect.stringMatching(/\nname: "found by fuzzing: frame-address/),
      });
      expect(err.match(/cannot write to/g)).toHaveLength(2);
    },
    SLOW,
  );
});

test(
  'says how to install what its workers miss',
  async () => {
    const { code, err } = await privstack(SEARCH, { env: { UNICORN_LIB: '/nonexistent' } });
    expect({ code, err }).toEqual({ code: 3, err: expect.stringContaining('Install it with: ') });
    expect(err).not.toMatch(/internal error|\n {4}at /);
  },
  SLOW,
);

describe('is refused, with a sentence', () => {
  test.each([
    [['--policy', 'nobody'], /unknown policy `nobody`/],
    [['--path', 'x'], /--path `x`: expected 17, @FILE, 17~3/],
    [['--shard', '5/4'], /--shard `5\/4`: expected 1\/4, 2\/4/],
    [['--guided', '--shard', '1/2'], /--guided: .* expected no --shard/],
    [['--corpus', '/nowhere'], /--corpus: ENOENT/],
    [['--merge', '/nowhere'], /\/nowhere: cannot be read/],
  ])('%j', async (args, message) => {
    const { code, err } = await privstack(['fuzz', ...args]);
    expect({ code, err }).toEqual({ code: 2, err: expect.stringMatching(message) });
  });

  test('results that are none', async () => {
    const file = join(folder, 'bad.ndjson');
    writeFileSync(file, '{"seen":{}}\n');
    expect(await privstack(['fuzz', '--merge', file])).toMatchObject({
      code: 2,
      err: expect.stringMatching(/bad\.ndjson:1:1: expected a line that begins a campaign/),
    });
    writeFileSync(file, 'x\n');
    expect((await privstack(['fuzz', '--merge', file])).err).toMatch(/bad\.ndjson:1:1: no JSON/);
  });
});
