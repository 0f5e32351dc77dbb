import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { CHECKS } from '../check';
import { CHECK_IDS, loadFiles } from '../spec';
import { ALONE } from './alone';
import { EXCLUDED, FAULTS, faultNamed } from './catalogue';
import { faultsPage } from './page';

const ids = [...FAULTS, ...EXCLUDED].map(({ id }) => id);
const upTo = (count: number, name: (i: number) => string) => Array.from({ length: count }, (_, i) => name(i + 1));

describe('the catalogue', () => {
  test('has every id once', () => {
    expect(ids.filter((id, i) => ids.indexOf(id) !== i)).toEqual([]);
  });

  test.each([
    ['F01 to F53', upTo(53, (i) => `F${String(i).padStart(2, '0')}`)],
    ['the bug museum', upTo(38, (i) => `B${i}`)],
    ['version 3', upTo(8, (i) => `V3-${i}`)],
  ])('has, or leaves out with a reason, all of %s', (_, wanted) => {
    const families = new Set(ids.map((id) => id.split('.')[0]));
    expect(wanted.filter((id) => !families.has(id))).toEqual([]);
  });

  test('leaves nothing out for a fault that it does not have', () => {
    const referred = EXCLUDED.flatMap(({ reason }) => reason.match(/\bF\d\d\b/g) ?? []);
    expect(referred.length).toBeGreaterThan(5);
    expect(referred.filter((id) => !FAULTS.some((each) => each.id.split('.')[0] === id))).toEqual([]);
  });

  test('has a mutant for every check', () => {
    const named = new Set(FAULTS.map(({ check }) => check));
    expect([...CHECKS.map(({ id }) => id), 'bytes' as const].filter((id) => !named.has(id))).toEqual([]);
  });

  test('says how each is told from others, but for those that only bytes show', () => {
    const vague = FAULTS.filter(({ check, sign }) => check !== 'bytes' && Object.keys(sign).length === 0);
    expect(vague.map(({ id }) => id)).toEqual([]);
  });

  test('cites commits by twelve digits', () => {
    expect(FAULTS.filter(({ commit }) => commit !== null && !/^[0-9a-f]{12}$/.test(commit))).toEqual([]);
  });
});

test.each(CHECK_IDS)('of %s it is known what only it kills, or why it is kept', (check) => {
  const alone = ALONE[check];
  if ('fault' in alone) expect(faultNamed(alone.fault)?.check).toBe(check);
  else expect(alone.kept).toMatch(/\.$/);
});

test('docs/faults.md is made of the catalogue: `privstack faults --page` prints it', () => {
  const { specs } = loadFiles(['specs']);
  const page = faultsPage((name) => specs.find(({ spec }) => spec.name === name)?.file ?? '?');
  expect(page).not.toContain('(`?`)');
  expect(readFileSync(join(__dirname, '..', '..', 'docs', 'faults.md'), 'utf8')).toBe(page);
});
