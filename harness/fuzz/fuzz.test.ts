import { describe, expect, it } from '@jest/globals';
import { policyNamed } from '../../jit';
import { caseOf } from './case';
import { isDefined } from './defined';
import type { Find } from './find';
import { judgeText } from './full';
import { emptyTally, type Seen } from './tally';
import { Work } from './work';

const PLAN = { seed: 1, inputs: 2, every: 50 };

function seenUnder(policy: string, cases: number): { seen: Seen[]; work: Work } {
  const work = new Work(policyNamed(policy)!, PLAN);
  const tally = emptyTally();
  const seen = Array.from({ length: cases }, (_, index) => work.run(index, tally)).filter((each) => each !== null);
  return { seen, work };
}

const explained = (work: Work, { index, input, what }: Seen): Find =>
  work.explain({ index, input, seen: what, time: 3000, ask: false });

describe('generated programs', () => {
  it('read nothing that was not written', () => {
    for (let index = 0; index < 300; index++) {
      const { program, fuzz } = caseOf(1, index, 1);
      expect([index, isDefined(program, fuzz.exceptionCallback, true)]).toEqual([index, true]);
    }
  });

  it('are the same for the same numbers, and differ otherwise', () => {
    expect(caseOf(3, 7, 2)).toEqual(caseOf(3, 7, 2));
    expect(caseOf(3, 7, 2)).not.toEqual(caseOf(3, 8, 2));
    expect(caseOf(3, 7, 2)).not.toEqual(caseOf(4, 7, 2));
  });
});

describe('a smoke campaign', () => {
  it.each(['linux-6.18-fixed', 'kernel-stack'])('finds nothing under %s', (policy) => {
    const { seen, work } = seenUnder(policy, 250);
    work.close();
    expect(seen).toEqual([]);
  });

  it('finds only what is known under linux-6.18', () => {
    const { seen, work } = seenUnder('linux-6.18', 60);
    expect(seen.length).toBeGreaterThan(0);
    expect(new Set(seen.map(({ kind }) => kind))).toEqual(new Set(['exception-private-boundary: rbx']));
    expect(explained(work, seen[0]!)).toMatchObject({
      check: 'exception',
      known: 'exception-private-boundary',
      again: 3,
    });
    work.close();
  });

  it.each([
    ['unsaved', ['frame-address', 'cpu-isolation']],
    ['helpers-only', ['frame-address', 'cpu-isolation']],
    ['boundary-once', ['frame-address', 'exception']],
    ['callee-adjust', ['exception']],
    ['subtree', ['exception']],
  ])('breaks %s, with a small spec that fails the same check', (policy, checks) => {
    const { seen, work } = seenUnder(policy, 64);
    expect(seen.length).toBeGreaterThan(0);
    const find = explained(work, seen[0]!);
    work.close();
    expect(checks).toContain(find.check);
    expect(find.insns).toBeLessThan(20);
    expect(find).toMatchObject({ known: null, again: 3 });
    expect(judgeText(find.spec, 'find.yaml').findings[0]!.check).toBe(find.check);
  });
});
