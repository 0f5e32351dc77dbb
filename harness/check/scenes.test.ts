import { describe, expect, test } from '@jest/globals';
import { SCENES } from './scenes.fixture';
import { judge, lowered, shown } from './testing';

/** Policies that lose r9 in every call, or in every call of a subprog, whatever else happens. */
const LOST = { unsaved: 'frame-address', 'helpers-only': 'frame-address', 'boundary-once': 'frame-address' };
const HELPER = { unsaved: 'frame-address' };
/** Inner frames are built on r9, which C code between the call and the callee destroys (facts 4.2, V3-7). */
const BUILT_ON_R9 = { subtree: 'frame-address', 'callee-adjust': 'frame-address', 'caller-add': 'frame-address' };
const SHIFTED = { 'linux-6.18': 'exception', subtree: 'exception' };

/** What fails, by scene and policy, and the check that finds it first. All else holds. */
const FAILS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'two CPUs, one after the other': LOST,
  'interrupted at every instruction': LOST,
  'interrupted by the other CPU': LOST,
  'the same program on the other CPU': LOST,
  'a subprog is replaced': { ...LOST, 'callee-adjust': 'frame-address' },
  'a subprog is replaced while it runs': { ...LOST, 'callee-adjust': 'frame-address' },
  'a subprog is traced': { ...LOST, ...BUILT_ON_R9 },
  callbacks: HELPER,
  'callbacks, interrupted': LOST,
  'a timer': HELPER,
  'a timer in a run': HELPER,
  'a throw': SHIFTED,
  'a throw, interrupted': { ...LOST, ...SHIFTED },
  'an extension throws': { ...LOST, 'callee-adjust': 'frame-address' },
};

/** Each policy on one of the CPUs, and those that matter most on both. */
const BOTH = ['kernel-stack', 'linux-6.18-fixed', 'spill-slot'];

describe.each(Object.entries(SCENES))('%s', (name, spec) => {
  const [one] = lowered(spec);
  test.each(one!.cases.map(({ policy }, i) => [policy as string, i % 2] as const))('%s', (policy, first) => {
    const want = FAILS[name]![policy];
    for (const cpu of BOTH.includes(policy) ? [0, 1] : [first]) {
      const { findings } = judge(one!, policy, { cpu });
      if (want === undefined) expect(shown({ findings })).toEqual([]);
      else expect(findings[0]?.check).toBe(want);
    }
  });
});
