import { describe, expect, it } from '@jest/globals';
import { policyNamed } from '../../jit';
import { caseOf } from './case';
import { isDefined } from './defined';
import type { Find } from './find';
import { judgeText } from './full';
import { emptyTally, type Seen } from './tally';
import { places, Work } from './work';

const PLAN = { seed: 1, inputs: 2, every: 50 };

function seenUnder(policy: string, cases: number): { seen: Seen[]; work: Work } {
  const work = new Work(policyNamed(policy)!, PLAN);
  const tally = emptyTally();
  const seen = work.run(places(0, cases), tally);
  return { seen, work };
}

const explained = (work: Work, { index, input, what }: Seen): Find =>
  work.explain({ index, input, seen: what, time: 60_000, ask: false });

describe('generated programs', () => {
  it('read nothing that was not written', () => {
    for (let index = 0; index < 300; index++) {
      const { program, fuzz } = caseOf(1, index, 1);
      expect([index, isDefined(program, fuzz.exceptionCallback, true)]).toEqual([index, true]);
    }
  });

  it('are the same for the same numbers, and differ otherwise', () => {
    const whole = (seed: number, index: number) => {
      const { around, ...rest } = caseOf(seed, index, 2);
      return { ...rest, around: around() };
    };
    expect(whole(3, 7)).toEqual(whole(3, 7));
    expect(whole(3, 7)).not.toEqual(whole(3, 8));
    expect(whole(3, 7)).not.toEqual(whole(4, 7));
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

  it('breaks every private design when asked to interrupt in spite of the recursion guard', () => {
    const first = (unguarded: boolean): Seen | null => {
      const work = new Work(policyNamed('linux-6.18-fixed')!, { seed: 1, inputs: 1, every: 1, unguarded });
      let seen: Seen | null = null;
      for (let index = 0; index < 48 && !seen; index++)
        seen = work.run(places(index, index + 1), emptyTally())[0] ?? null;
      work.close();
      return seen;
    };
    expect(first(true)).toMatchObject({ kind: 'checks, not alone recursion' });
    expect(first(false)).toBeNull();
  });

  // Who lost the value, as the claims about these policies say (specs/claims).
  it.each([
    ['unsaved', 'frame-address', /^`call helper` at .* left # in r9$/],
    ['helpers-only', 'frame-address', /^`add r9, qword ptr gs:\[#\]` at a subprog prologue # left # in r9$/],
    ['boundary-once', 'frame-address', /^`add r9, #` at a subprog prologue # left # in r9/],
    ['callee-adjust', 'exception', /^`pop r15` at /],
    ['subtree', 'exception', /^`pop r15` at /],
  ])('breaks %s by %s, with a small spec that fails the same check', (policy, check, culprit) => {
    const { seen, work } = seenUnder(policy, 32);
    // What was lost may show in more than one way.
    const finds: Find[] = [];
    const fits = (find: Find): boolean => find.check === check && culprit.test(find.key.split(' | ')[1]!);
    for (const each of seen.slice(0, 6)) {
      finds.push(explained(work, each));
      if (finds.some(fits)) break;
    }
    work.close();
    const find = finds.find(fits)!;
    expect(finds.map(({ key }) => key)).toContain(find?.key);
    expect(find).toMatchObject({ known: null, again: 3 });
    expect(find.insns).toBeLessThan(15);
    expect(judgeText(find.spec, 'find.yaml').findings[0]!.check).toBe(check);
  });
});
