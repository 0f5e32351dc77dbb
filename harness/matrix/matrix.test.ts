import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { POLICIES } from '../../jit';
import type { Matrix } from '../report';
import { formatIssue } from '../spec';
import { claimMatrix, type MatrixOptions } from './matrix';

const SAMPLES = join(__dirname, 'testdata');
const folder = mkdtempSync(join(tmpdir(), 'privstack-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function judged(paths: readonly string[], options: MatrixOptions = {}): Promise<Matrix> {
  const result = await claimMatrix(paths, options);
  if (!result.ok) throw new Error(result.issues.map(formatIssue).join('\n'));
  return result.matrix;
}

let files = 0;

/** A spec of one claim in a file of its own. */
function spec(rest: string, claim = 'id: T1, statement: s, source: { message: m, claim: c }, property: p'): string {
  const path = join(folder, `${files++}.yaml`);
  writeFileSync(path, `name: a spec\nclaim: { ${claim} }\n${rest}\n`);
  return path;
}
const HELPER = 'programs: { prog: { type: kprobe, tree: "main 128\\n  bpf_get_prandom_u32" } }\n';

describe('the samples', () => {
  let matrix: Matrix;
  beforeAll(async () => {
    matrix = await judged([SAMPLES]);
  });

  test('columns are the named policies, rows the claims in order of their ids', () => {
    expect(matrix.policies).toEqual(POLICIES.map(({ name }) => name));
    expect(matrix.claims.map(({ id }) => id)).toEqual(['C2', 'C10', 'E3.main']);
    expect(matrix.costs.map(({ policy }) => policy)).toEqual(matrix.policies);
    for (const { named } of matrix.claims) expect(named.map(({ policy }) => policy)).toEqual(matrix.policies);
  });

  test.each([
    ['C2', 'unsaved', 'fails', 'frame-address'],
    ['C2', 'kernel-stack', 'holds', null],
    ['C10', 'linux-6.18', 'not-applicable', 'its block is `function`, the claim is about `subtree`'],
    ['C10', 'subtree', 'not-applicable', 'it wraps `subprog` calls'],
    ['C10', 'callee-adjust', 'holds', null],
    ['C10', 'boundary-once', 'fails', 'frame-address'],
    ['E3.main', 'linux-6.18', 'fails', 'exception'],
    ['E3.main', 'linux-6.18-fixed', 'holds', null],
  ])('%s under %s: %s', (id, policy, verdict, why) => {
    const claim = matrix.claims.find((each) => each.id === id)!;
    const found = claim.named.find((each) => each.policy === policy)!;
    expect([found.verdict, found.reason ?? found.finding?.check ?? null]).toEqual([verdict, why]);
  });

  test('what a claim writes out is a policy of its own alone', () => {
    const own = matrix.claims.map(({ own }) => own.map(({ policy, verdict }) => [policy, verdict]));
    expect(own).toEqual([[], [['inherited', 'fails']], []]);
  });

  test('every verdict is the declared one', () => {
    expect(matrix.deviating).toEqual([]);
  });
});

describe('what is judged', () => {
  test('only the policies and claims that are asked for', async () => {
    const { policies, claims, costs } = await judged([SAMPLES], {
      policies: ['inherited', 'unsaved'],
      claims: ['C10'],
    });
    expect({ policies, costs: costs.length, ids: claims.map(({ id }) => id) }).toEqual({
      ...{ policies: ['unsaved'], costs: 1, ids: ['C10'] },
    });
    expect(claims[0]!.own.map(({ policy }) => policy)).toEqual(['inherited']);
  });

  test('a policy that the spec does not list, under general expectations', async () => {
    const { claims, deviating } = await judged([spec(`${HELPER}policies: [linux-6.18]`)]);
    expect(claims[0]!.named.filter(({ verdict }) => verdict !== 'holds').map(({ policy }) => policy)).toEqual([
      'unsaved',
    ]);
    expect(deviating.map(({ policy, declared }) => [policy, declared])).toEqual([['unsaved', 'holds']]);
  });

  test('an event that cannot happen under a policy: the claim is not about it', async () => {
    const path = spec(`programs:
  prog: { type: kprobe, asm: "*(u64 *)(r10 - 128) = 1; call bpf_get_prandom_u32; r0 = 0; exit" }
policies: [linux-6.18]
scenarios:
  late: { do: [{ interrupt: instruction 11 of prog.main, run: prog, cpu: same, guard: kernel }] }`);
    const { claims, deviating } = await judged([path], { policies: ['kernel-stack', 'linux-6.18'] });
    const [control, merged] = claims[0]!.named;
    expect(control).toMatchObject({ verdict: 'not-applicable', asDeclared: true });
    expect(control!.reason).toContain('never happens in the scenario `late` under kernel-stack');
    expect(merged!.verdict).toBe('holds');
    expect(deviating).toEqual([]);
  });

  test('every point of a sweep, every CPU', async () => {
    const path = spec(`${HELPER}policies: all\ncpus: [0, 1]\nsweep: { seed: [3, 4] }`);
    const { deviating } = await judged([path], { policies: ['unsaved'] });
    expect(deviating.map(({ point, cpu }) => [point.seed, cpu])).toEqual([
      [3, 0],
      [3, 1],
      [4, 0],
      [4, 1],
    ]);
  });
});

describe('nothing is judged', () => {
  const wrong = async (paths: readonly string[], options?: MatrixOptions) => {
    const result = await claimMatrix(paths, options);
    if (result.ok) throw new Error('it was judged');
    return [...result.issues.map(formatIssue), ...result.unknown.map(({ what, name }) => `${what} ${name}`)];
  };

  test('a spec without a claim', async () => {
    const path = join(folder, 'none.yaml');
    writeFileSync(path, `name: a spec\n${HELPER}`);
    expect(await wrong([path])).toEqual([`${path}:1:1  claim: is missing, expected the claim that the spec decides`]);
  });

  test('two claims of one id', async () => {
    const second = spec(HELPER);
    writeFileSync(
      second,
      `name: another\nclaim: { id: T1, statement: s, source: { message: m, claim: c }, property: p }\n${HELPER}`,
    );
    expect(await wrong([spec(HELPER), second])).toEqual([expect.stringContaining('about the claim "T1"; the first')]);
  });

  test('a spec with mistakes, told once', async () => {
    expect(await wrong([spec('programs: { prog: { type: kprobe, asm: "r0 = what" } }')])).toHaveLength(1);
  });

  test.each<[string, MatrixOptions]>([
    ['policy subtre', { policies: ['subtre', 'inherited'] }],
    ['claim C3', { claims: ['C3'] }],
  ])('there is no %s', async (what, options) => {
    expect(await wrong([SAMPLES], options)).toEqual([what]);
  });
});
