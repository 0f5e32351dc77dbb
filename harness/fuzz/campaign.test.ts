import { beforeAll, describe, expect, it } from '@jest/globals';
import { Campaign, type CampaignOptions, type Found, type Progress } from './campaign';
import { type CampaignHead, type CampaignResults, mergeResults, ResultsProblem } from './results';
import type { Seen } from './tally';

const HEAD: CampaignHead = {
  version: 1,
  policy: 'callee-adjust',
  seed: 2,
  inputs: 2,
  every: 128,
  runs: 128,
  corpus: 0,
  unguarded: false,
  guided: false,
  alike: 1,
  enough: 10,
  shard: [1, 1],
};

/** A campaign with worker processes, to its end. */
async function campaign(change: Partial<CampaignOptions> = {}): Promise<CampaignResults & { last: Progress }> {
  const { policy, seed, inputs, every, alike, enough, runs } = HEAD;
  const seen: Seen[] = [];
  const finds: Found[] = [];
  const given: CampaignOptions = {
    ...{ policy, seed, inputs, every, alike, enough, runs: runs! },
    ...{ time: undefined, workers: 1, shard: [0, 1], names: [], guided: false, shrinking: 60_000, reach: 16 },
    found: (find) => void finds.push(find),
    saw: (some) => void seen.push(...some),
    progress: () => {},
    ...change,
  };
  const last = await new Campaign(given).run();
  const { ending, tally, reached } = last;
  const head = { ...HEAD, shard: [given.shard[0] + 1, given.shard[1]] as const };
  return { head, seen, finds, end: { ending, tally, seconds: 0, reached: [...reached].sort() }, last };
}

const plain = ({ head, seen, finds, end }: CampaignResults): CampaignResults => ({ head, seen, finds, end });

describe('a campaign', () => {
  let one: CampaignResults;
  beforeAll(async () => {
    one = await campaign();
  }, 120_000);

  it('gives the same with any number of workers, and in parts', async () => {
    expect(one.finds.map(({ check }) => check)).toContain('exception');
    expect(one.finds.every(({ again }) => again === 3)).toBe(true);
    expect(plain(await campaign({ workers: 3 }))).toEqual(plain(one));
    const parts = [await campaign({ shard: [1, 2] }), await campaign({ shard: [0, 2] })];
    expect(mergeResults(parts)).toEqual(plain(one));
  }, 120_000);

  it('learns the same with any number of workers when it is guided', async () => {
    const guided = { policy: 'kernel-stack', guided: true, reach: 1, inputs: 1, runs: 1088 };
    const first = await campaign(guided);
    const two = await campaign({ ...guided, workers: 2 });
    expect(two.last.kept).toEqual(first.last.kept);
    expect(first.last.kept.some((path) => path.includes('~'))).toBe(true);
  }, 120_000);

  it('runs a path alone', async () => {
    const { path, kind } = one.seen[0]!;
    const again = await campaign({ paths: [path], every: 1 });
    expect(again.seen.map((each) => [each.path, each.kind])).toEqual([[path, kind]]);
  }, 120_000);
});

describe('merging', () => {
  const part = (change: Partial<CampaignHead>): CampaignResults => {
    return { head: { ...HEAD, ...change }, seen: [], finds: [], end: null };
  };

  it.each([
    [[], /nothing to merge/],
    [[part({ shard: [1, 2] })], /shard 2\/2: expected once, there are 0/],
    [[part({ shard: [1, 2] }), part({ shard: [1, 2] })], /shard 1\/2: expected once, there are 2/],
    [[part({ shard: [1, 2] }), part({ shard: [2, 2], seed: 3 })], /seed 2 and 3/],
    [[part({ shard: [1, 2] }), part({ shard: [1, 3] })], /shards of 2 and of 3/],
    [[part({ shard: [1, 2], guided: true }), part({ shard: [2, 2], guided: true })], /no parts/],
  ])('refuses what are not the parts of one campaign: %#', (parts, message) => {
    expect(() => mergeResults(parts)).toThrow(ResultsProblem);
    expect(() => mergeResults(parts)).toThrow(message);
  });
});
