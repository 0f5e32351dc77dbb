import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { MAX_SPEC_BYTES, readSpecFiles } from './files';

let directory: string;
const path = (name: string): string => join(directory, name);

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'privstack-'));
  mkdirSync(path('tree/inner'), { recursive: true });
  mkdirSync(path('bare'));
  mkdirSync(path('folder.yaml'));
  writeFileSync(path('tree/b.yaml'), 'b');
  writeFileSync(path('tree/a.yml'), '\uFEFFa');
  writeFileSync(path('tree/inner/c.yaml'), 'c');
  writeFileSync(path('tree/readme.md'), 'no spec');
  symlinkSync(path('tree'), path('tree/inner/cycle'));
  writeFileSync(path('binary.yaml'), Buffer.from([0x61, 0, 0x62]));
  writeFileSync(path('latin.yaml'), Buffer.from([0x61, 0xe4, 0x62]));
  writeFileSync(path('limit.yaml'), 'x'.repeat(MAX_SPEC_BYTES));
  writeFileSync(path('huge.yaml'), 'x'.repeat(10_000_000));
});

afterAll(() => rmSync(directory, { recursive: true }));

test('a directory stands for the specs below it, sorted', () => {
  const { files, issues } = readSpecFiles([path('tree')]);
  expect(issues).toEqual([]);
  expect(files).toEqual([
    { file: path('tree/a.yml'), text: 'a' },
    { file: path('tree/b.yaml'), text: 'b' },
    { file: path('tree/inner/c.yaml'), text: 'c' },
  ]);
});

test('a file that is named twice is read once', () => {
  expect(readSpecFiles([path('tree/b.yaml'), path('tree'), path('tree/inner/../b.yaml')]).files).toHaveLength(3);
});

test('a file of just the limit is read', () => {
  expect(readSpecFiles([path('limit.yaml')])).toMatchObject({ issues: [], files: [{ file: path('limit.yaml') }] });
});

describe('what cannot be a spec is refused', () => {
  test.each([
    ['missing.yaml', 'no such file or directory'],
    ['bare', 'the directory holds no specs'],
    ['folder.yaml', 'the directory holds no specs'],
    ['binary.yaml', 'a binary file: it holds NUL bytes'],
    ['latin.yaml', 'a binary file: it is not UTF-8'],
    ['huge.yaml', 'the file has 10000000 bytes'],
  ])('%s', (name, message) => {
    const { files, issues } = readSpecFiles([path(name), path('tree/b.yaml')]);
    expect(issues).toMatchObject([{ file: path(name), line: 1, column: 1, message }]);
    expect(files).toHaveLength(1);
  });

  test('a device', () => {
    expect(readSpecFiles(['/dev/null']).issues).toMatchObject([{ message: 'not a regular file' }]);
  });
});
