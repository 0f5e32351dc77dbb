import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { formatIssue } from './issues';
import { parseSpecText } from './load';
import { lowerSpec, type SpecCase } from './lower';

/** The cases of a spec with two scenarios, by `scenario / policy`. */
function cases(expectation: object): Map<string, SpecCase> {
  const spec = {
    name: 'x',
    policies: ['a', 'b'],
    programs: { prog: { type: 'kprobe', tree: 'main 8' } },
    scenarios: { s: {}, t: {} },
    expect: expectation,
  };
  // JSON is YAML.
  const { specs, issues } = parseSpecText(JSON.stringify(spec), 'x.yaml');
  const lowered = lowerSpec(specs[0]!, { policies: ['a', 'b', 'c', 'd', 'e', 'f'] });
  if (!lowered.ok) throw new Error([...issues, ...lowered.issues].map(formatIssue).join('\n'));
  return new Map(lowered.value[0]!.cases.map((each) => [`${each.scenario.name} / ${each.policy}`, each]));
}

test('key by key, the most specific level wins: scenario and policy, policy, scenario, all', () => {
  const level = fc.record({ retval: fc.nat(), stack_depth: fc.constantFrom('8', '16') }, { requiredKeys: [] });
  fc.assert(
    fc.property(level, level, level, level, (all, scenario, policy, both) => {
      const resolved = cases({
        ...all,
        policies: { a: policy },
        scenarios: { s: { ...scenario, policies: { a: both } } },
      });
      const want: Record<string, typeof all> = {
        's / a': { ...all, ...scenario, ...policy, ...both },
        's / b': { ...all, ...scenario },
        't / a': { ...all, ...policy },
        't / b': all,
      };
      for (const [name, { retval, stack_depth: stackDepth }] of Object.entries(want)) {
        const { expectation } = resolved.get(name)!;
        expect(expectation.retval?.value).toBe(retval === undefined ? undefined : BigInt(retval));
        expect(expectation.stackDepth?.value).toBe(stackDepth);
      }
    }),
    { numRuns: 50 },
  );
});

test('a verdict is taken over whole: with its check, its place and its registers', () => {
  const resolved = cases({
    fails: 'retval',
    first: 'main pc 0',
    regs: { r9: 5 },
    policies: { a: { verdict: 'holds' }, b: { fails: 'frame-address' } },
  });
  expect(resolved.get('s / a')!.expectation.verdict.value).toEqual({ kind: 'holds' });
  expect(resolved.get('s / b')!.expectation.verdict.value).toEqual({
    kind: 'fails',
    check: 'frame-address',
    regs: new Map(),
  });
});

describe('verdicts', () => {
  test.each([
    [{}, { kind: 'holds' }],
    [{ verdict: 'holds' }, { kind: 'holds' }],
    [{ verdict: 'fails' }, { kind: 'fails', regs: new Map() }],
    [
      { verdict: 'fails', fails: 'guards' },
      { kind: 'fails', check: 'guards', regs: new Map() },
    ],
    [{ verdict: 'refused' }, { kind: 'refused' }],
    [{ refused: 'combined stack' }, { kind: 'refused', reason: 'combined stack' }],
    [{ not_applicable: 'arena' }, { kind: 'not-applicable', reason: 'arena' }],
    [{ verdict: 'not-applicable' }, { kind: 'not-applicable' }],
  ])('%j', (written, verdict) => {
    expect(cases(written).get('s / a')!.expectation.verdict.value).toEqual(verdict);
  });
});

test('a policy that is only named under expect runs where that expectation stands', () => {
  const resolved = cases({
    policies: { c: {} },
    frame_pointers: { d: { main: 5 } },
    jited: { e: '...' },
    scenarios: { t: { policies: { f: {} } } },
  });
  expect([...resolved.keys()]).toEqual([
    's / a',
    's / b',
    's / c',
    's / d',
    's / e',
    't / a',
    't / b',
    't / c',
    't / d',
    't / e',
    't / f',
  ]);
});

test('frame pointers and listings by policy are short for those under the policy', () => {
  const resolved = cases({
    frame_pointers: { a: { main: 'block(main) + 16' } },
    policies: { a: { retval: 7 }, b: { frame_pointers: { main: 9 }, jited: 'func #0' } },
    scenarios: { t: { frame_pointers: { a: { main: 11 } } } },
  });
  const pointer = (name: string) => resolved.get(name)!.expectation.framePointers!.map(({ term }) => term.value.text);
  expect(pointer('s / a')).toEqual(['block(main) + 16']);
  expect(pointer('t / a')).toEqual(['11']);
  expect(pointer('t / b')).toEqual(['9']);
  expect(resolved.get('t / a')!.expectation).toMatchObject({ retval: { value: 7n } });
  expect(resolved.get('s / b')!.expectation.jited!.text).toBe('func #0');
});

test('numbers of 64 bits', () => {
  const value = (retval: number | string) => cases({ retval }).get('s / a')!.expectation.retval!.value;
  expect([value(-1), value('0xfffffffffffffffe'), value('18446744073709551615'), value('-2')]).toEqual([
    0xffffffffffffffffn,
    0xfffffffffffffffen,
    0xffffffffffffffffn,
    0xfffffffffffffffen,
  ]);
});
