import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { POLICIES } from '../jit';
import { CHECKS } from './check';

const ROOT = join(__dirname, '..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const readme = read('README.md');

const there = (path: string): boolean => ['', '.ts'].some((end) => existsSync(join(ROOT, `${path}${end}`)));

/** First words of the rows of the table below a heading. */
function rowsUnder(heading: string): string[] {
  const section = readme.split(`\n## ${heading}\n`)[1]!.split('\n## ')[0]!;
  return [...section.matchAll(/^\| `([\w.-]+)/gm)].map(([, word]) => word!);
}

describe('the README lists what there is', () => {
  test('commands', () => {
    const commands = [...read('scripts/main.ts').matchAll(/\.command\('(\w+)'\)/g)].map(([, name]) => name!);
    expect(rowsUnder('Commands').toSorted()).toEqual(commands.toSorted());
  });

  test('policies', () => {
    expect(rowsUnder('Policies')).toEqual(POLICIES.map(({ name }) => name));
  });

  test('checks', () => {
    expect(rowsUnder('Checks').toSorted()).toEqual(CHECKS.map(({ id }) => id).toSorted());
  });
});

describe('documents', () => {
  const decisions = readdirSync(join(ROOT, 'docs', 'decisions')).map((name) => `docs/decisions/${name}`);
  const pages = [
    'README.md',
    'docs/architecture.md',
    'docs/emulator.md',
    'docs/faults.md',
    'docs/fuzzing.md',
    'docs/spec-format.md',
    ...decisions,
  ];

  test.each(pages)('%s names only files that are there', (page) => {
    const text = read(page);
    const links = [...text.matchAll(/\]\(([^)#]+)\)/g)].map(([, path]) => join(dirname(page), path!));
    const paths = [...text.matchAll(/`((?:\.ci|docs|harness|jit|scripts|specs)\/[\w./-]+)`/g)].map(([, path]) => path!);
    expect([...links, ...paths].filter((path) => !there(path))).toEqual([]);
  });

  test('decisions are numbered in order, and have the same four parts', () => {
    decisions.forEach((page, i) => {
      const number = String(i + 1);
      expect(page).toMatch(new RegExp(`/${number.padStart(4, '0')}-[a-z0-9-]+\\.md$`));
      const parts = [...read(page).matchAll(/^\*\*(\w+)\.\*\*/gm)].map(([, part]) => part);
      expect([page, read(page).split('\n')[0]!.split('.')[0], parts]).toEqual([
        page,
        `# ${number}`,
        ['Context', 'Decision', 'Consequence', 'Evidence'],
      ]);
    });
  });
});
