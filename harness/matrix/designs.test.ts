import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { combine, type PolicyChoices, type StackPolicy, sensibleCombinations } from '../../jit';
import { unmetPremise } from '../premise';
import type { Designs } from '../report';
import { ClaimJudge, claimCases } from './cases';
import { loadClaims } from './claims';
import { judgeDesigns, written } from './designs';

const SAMPLES = join(__dirname, 'testdata');

/** The first claim that breaks a design, each case run by itself. */
async function brokenBy(choices: PolicyChoices): Promise<string | null> {
  const judge = new ClaimJudge('');
  for (const { id, loaded } of loadClaims([SAMPLES]).claims) {
    for (const each of claimCases(loaded, [written(choices)]).cases) {
      const result = await judge.judge(each);
      if ('report' in result && result.report.verdict === 'fails') return id;
    }
  }
  return null;
}

describe('the design space, judged by the samples', () => {
  let designs: Designs['designs'];
  beforeAll(async () => {
    const result = await judgeDesigns([SAMPLES]);
    if (!result.ok) throw new Error('samples are wrong');
    designs = result.designs.designs;
  }, 60_000);

  test('is every sensible combination', () => {
    expect(designs.map(({ name }) => name)).toEqual([...sensibleCombinations()].map(({ name }) => name));
  });

  test.each<[string, string | null]>([
    ['none+absolute+none+none+no-pop', null],
    ['function+absolute+none+none+no-pop', 'C2'],
    ['subtree+callee-add+push-pop:helper,kfunc+none+no-pop', 'C10'],
    ['function+absolute+push-pop:subprog,helper,kfunc,throw+none+no-pop', 'E3.main'],
    ['function+absolute+push-pop:subprog,helper,kfunc,throw+none+from-rbp', null],
    ['function+absolute+push-pop:subprog,helper,kfunc+none+no-pop', null],
  ])('%s: %s', (name, claim) => {
    expect(designs.find((each) => each.name === name)!.broken?.claim ?? null).toBe(claim);
  });

  test('that equal code runs once changes no verdict', async () => {
    const sample = [...sensibleCombinations()].filter((_, i) => i % 9 === 0);
    const alone = await Promise.all(sample.map(brokenBy));
    const together = sample.map(({ name }) => designs.find((each) => each.name === name)!.broken?.claim ?? null);
    expect(together).toEqual(alone);
    expect(new Set(alone).size).toBe(4);
  }, 60_000);

  test('claims count where their premise is met', () => {
    const premise = loadClaims([SAMPLES]).claims.find(({ id }) => id === 'C10')!.loaded.spec.claim!.premise!;
    expect(premise).toMatchObject({ block: 'subtree' });
    for (const { name, choices, judged, broken } of designs) {
      const policy = combine({ name, mayGoto: 'pointer', ...(choices as Omit<PolicyChoices, 'name' | 'mayGoto'>) });
      const about = unmetPremise(
        { block: ['subtree'], compute: ['callee-add', 'callee-add-sub'], leaves: ['subprog'] },
        policy as StackPolicy,
      );
      const before = broken?.claim === 'C2' ? 1 : broken?.claim === 'C10' ? 2 : about === null ? 3 : 2;
      expect([name, judged]).toEqual([name, before]);
    }
  });
});

test('a claim that no design with a private stack survives breaks none, and is named', async () => {
  const result = await judgeDesigns([join(__dirname, '../../specs/claims/t.yaml')], { claims: ['T4', 'T6'] });
  if (!result.ok) throw new Error('the claims are wrong');
  expect(result.designs.hopeless).toEqual(['T4']);
  expect(result.designs.designs.filter(({ broken }) => broken?.claim === 'T4')).toEqual([]);
}, 60_000);
