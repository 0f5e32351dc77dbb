import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { captureLines, capturePrograms } from './capture-programs';
import { importCaptures } from './import-captures';
import { permission } from './kernel-image';
import { formatIssue } from './spec';

const folder = mkdtempSync(join(tmpdir(), 'privstack-capture-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const TESTDATA = join(__dirname, 'elf', 'testdata');
const NAMES = ['runs', 'calls', 'filter'];
/** The first word is 1. */
const CONTEXT = Uint8Array.from({ length: 64 }, (_, i) => (i === 0 ? 1 : 0));

/** What came of the captures of a file, by name. */
function imported(file: string) {
  const { imported: all, problems } = importCaptures([file], {});
  expect(problems).toEqual([]);
  return all.map(({ name, ourBytes, runs }) => {
    const [run] = runs;
    return [name.replace(/.*\//, ''), ourBytes, run?.kernel?.retval, run?.same, run?.result.findings];
  });
}

const EXPECTED = [
  ['runs', true, 65599, true, []],
  ['calls', true, 41, true, []],
  ['filter', true, 58, true, []],
];

test('a captured object of clang does in the emulator what it did in the kernel', () => {
  expect(imported(join(TESTDATA, 'runs.ndjson'))).toEqual(EXPECTED);
});

const reason = permission();
const asked = reason === null ? describe : describe.skip;

asked(`the running kernel${reason === null ? '' : ` (${reason})`}`, () => {
  const capture = (file: string, section?: string) => {
    const outcome = capturePrograms([file], { type: 'kprobe', contexts: [CONTEXT], section });
    if (outcome.kind !== 'captured') throw new Error(JSON.stringify(outcome));
    return outcome;
  };

  test('is given an object with its maps filled, and its read-only data frozen', () => {
    const outcome = capture(join(TESTDATA, 'runs.bpf.o'));
    expect(outcome.refused).toEqual([]);
    const file = join(folder, 'runs.ndjson');
    writeFileSync(file, captureLines(outcome).join('\n'));
    expect(imported(file)).toEqual(EXPECTED);
    const [runs] = outcome.captures;
    expect(runs!.capture.maps!.map(({ name, type, init }) => [name, type, init])).toEqual(
      expect.arrayContaining([
        ['.rodata', 'array', '03'],
        ['.data', 'array', '28'],
        ['counts', 'array', undefined],
        ['nothing', 'hash', undefined],
      ]),
    );
  });

  test('is given one program of an object, and what of its global functions it would not take', () => {
    const { captures } = capture(join(TESTDATA, 'runs.bpf.o'), 'syscall');
    expect(captures.map(({ capture: { name } }) => name.replace(/.*\//, ''))).toEqual([NAMES[1]]);
    expect(captures[0]!.capture.estimates).toEqual([expect.stringContaining('loaded as static ones')]);
  });

  test('gives an object the offsets of its own types', () => {
    const { captures } = capture(join(TESTDATA, 'adapts.bpf.o'));
    expect(captures.map(({ capture: { exec } }) => exec?.results)).toEqual([[{ retval: 4 }]]);
  });

  test('says which program it refuses, and goes on', () => {
    const { captures, refused } = capture(join(TESTDATA, 'programs.bpf.o'));
    expect(captures).toHaveLength(4);
    expect(refused.map(formatIssue).join('\n')).toMatch(
      /programs\.bpf\.c:\d+:\d+ {2}loops: a program of type tracing with attach type fentry needs something/,
    );
  });
});
