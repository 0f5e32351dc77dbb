import { describe, expect, it } from '@jest/globals';
import { policyNamed } from '../../jit';
import type { Answer } from './kernel';
import { emptyTally } from './tally';
import { places, Work } from './work';

const PLAN = { seed: 1, inputs: 1, every: 1 << 20, ask: 4 };

/** What comes of 16 cases when a kernel gives these answers, one after the other. */
function asked(answers: readonly Answer[], policy = 'linux-6.18') {
  let at = 0;
  const work = new Work(policyNamed(policy)!, PLAN, () => answers[at++ % answers.length]!);
  const tally = emptyTally();
  const refusals: string[] = [];
  const seen = work.run(places(0, 16), tally, { refused: (_, reason) => void refusals.push(reason) });
  work.close();
  return { tally, refusals, bytes: seen.filter(({ kind }) => kind === 'bytes').map(({ index }) => index) };
}

describe('asking a kernel (a pretended one)', () => {
  it('asks about one case in so many, and counts what it takes', () => {
    const loaded = { kind: 'loaded', bytes: 'equal' } as const;
    const { tally, refusals, bytes } = asked([loaded, { kind: 'refused', reason: 'R1 !read_ok' }]);
    expect([tally.asked, tally.loaded]).toEqual([4, 2]);
    expect(refusals).toEqual(['R1 !read_ok', 'R1 !read_ok']);
    expect(bytes).toEqual([]);
  });

  it('does not count what it was not asked', () => {
    expect(asked([{ kind: 'not tried', reason: 'no permission' }]).tally).toMatchObject({ asked: 0, loaded: 0 });
  });

  it('sees other bytes than ours, under the policy whose bytes the kernel has', () => {
    const other = { kind: 'loaded', bytes: 'different' } as const;
    expect(asked([other]).bytes).toEqual([0, 4, 8, 12]);
    expect(asked([other], 'subtree').bytes).toEqual([]);
  });
});
