import { describe, expect, test } from '@jest/globals';
import { analyse } from '../analysis';
import { compiled, program } from '../testing/program';
import {
  choicesOf,
  combine,
  POLICIES,
  type PolicyChoices,
  policyNamed,
  type StackPolicy,
  sensibleCombinations,
} from './index';

const CHOICES: PolicyChoices = {
  name: 'mine',
  block: 'function',
  compute: 'absolute',
  preserve: { kind: 'push-pop', calls: ['subprog', 'helper', 'kfunc', 'throw'] },
  boundary: 'none',
  callback: 'no-pop',
  mayGoto: 'offset',
};

const built = (changes: Partial<PolicyChoices> = {}): StackPolicy => combine({ ...CHOICES, ...changes }) as StackPolicy;

/** A call of each kind, a throw below the boundary, and a callback with a frame of its own. */
const ASM = `
  main:
    *(u64 *)(r10 - 128) = 1
    call bpf_ktime_get_ns
    call bpf_rcu_read_lock
    call sub
    exit
  sub:
    *(u64 *)(r10 - 80) = 2
    call bpf_throw
    exit
  .func caught
  caught:
    *(u64 *)(r10 - 136) = 3
    exit`;

const code = (policy: string | StackPolicy) => compiled(ASM, { policy, type: 'tracepoint', exceptionCallback: 2 }).code;

describe('choices make policies', () => {
  const tree = { block: 'subtree', compute: 'callee-add' } as const;
  const rows: readonly [string, Partial<PolicyChoices>][] = [
    ['kernel-stack', { block: 'none', preserve: { kind: 'none' } }],
    ['linux-6.18', {}],
    ['linux-6.18-fixed', { callback: 'from-rbp', mayGoto: 'pointer' }],
    ['linux-6.18-pop', { callback: 'pop-if-boundary' }],
    ['subtree', { ...tree, callback: 'pop-if-own' }],
    ['callee-adjust', { block: 'subtree', compute: 'callee-add-sub', preserve: pushPop('helper', 'kfunc', 'throw') }],
    [
      'boundary-once',
      { ...tree, preserve: pushPop('helper', 'kfunc'), boundary: 'push-once', callback: 'pop-if-boundary' },
    ],
    ['caller-add', { block: 'subtree', compute: 'caller-add', callback: 'pop-if-boundary' }],
    ['helpers-only', { preserve: pushPop('helper', 'kfunc', 'throw') }],
    ['spill-slot', { preserve: { kind: 'spill-slot' } }],
    ['reload', { preserve: { kind: 'reload' } }],
    ['callee-saved', { preserve: { kind: 'callee-saved' } }],
    ['unsaved', { preserve: { kind: 'none' } }],
  ];

  function pushPop(...calls: NonNullable<PolicyChoices['preserve']['calls']>) {
    return { kind: 'push-pop', calls } as const;
  }

  test.each(rows)('%s', (name, changes) => {
    const policy = built(changes);
    expect(code(policy)).toEqual(code(name));
    expect(policy.mayGoto).toBe(policyNamed(name)!.mayGoto);
  });

  test('every named one', () => {
    expect(rows.map(([name]) => name)).toEqual(POLICIES.map(({ name }) => name));
  });

  test.each([
    ['subprog', 'call sub'],
    ['helper', 'call bpf_ktime_get_ns'],
    ['kfunc', 'call bpf_rcu_read_lock'],
    ['throw', 'call bpf_throw'],
  ] as const)('push-pop of %s calls is around those alone', (kind, call) => {
    const asm = ASM.replace('exit', 'call bpf_throw\n exit');
    const policy = built({ preserve: pushPop(kind) });
    const code = compiled(asm, { type: 'tracepoint', policy, exceptionCallback: 2 }).listing('main');
    expect(code.filter((line) => /r9$/.test(line))).toEqual(['push r9', 'pop r9']);
    expect(code.slice(code.indexOf('push r9')).slice(0, 3)).toEqual(['push r9', call, 'pop r9']);
  });
});

test.each(POLICIES.map((policy) => [policy.name, policy] as const))('%s is made of its choices', (_name, policy) => {
  const again = combine(choicesOf(policy)) as StackPolicy;
  expect(choicesOf(again)).toEqual(choicesOf(policy));
  expect(code(again)).toEqual(code(policy));
});

describe('choices that make none', () => {
  const tree = { block: 'subtree', compute: 'callee-add' } as const;

  test.each<[string, Partial<PolicyChoices>, string]>([
    ['an unknown value', { compute: 'guess' }, 'there is no `compute: guess`, expected absolute, callee-add, '],
    ['an unknown value', { preserve: { kind: 'hope' } }, 'there is no `preserve: hope`, expected none, push-pop, '],
    ['an unknown value', { boundary: 'wall' }, 'there is no `boundary: wall`, expected none, push-once'],
    ['an unknown value', { callback: 'later' }, 'there is no `callback: later`, expected no-pop, '],
    ['nothing to preserve', { block: 'none' }, '`block: none` has no private frame'],
    ['nothing to push', { block: 'none', preserve: { kind: 'none' }, boundary: 'push-once' }, '`block: none` has no'],
    ['no address inside a tree', { block: 'subtree' }, '`compute: absolute` needs `block: function`'],
    ['no caller to add to', { compute: 'callee-add' }, 'with `block: function` no frame pointer comes from a caller'],
    ['no caller that adds', { compute: 'caller-add' }, 'with `block: function` no frame pointer comes from a caller'],
    [
      'nothing to load again',
      { ...tree, preserve: { kind: 'reload' } },
      '`preserve: reload` needs `compute: absolute`',
    ],
  ])('%s', (_name, changes, reason) => {
    expect(combine({ ...CHOICES, ...changes })).toEqual({ invalid: expect.stringContaining(reason) });
  });
});

describe('the design space', () => {
  const all = [...sensibleCombinations()];
  const key = ({ name, mayGoto, ...choices }: PolicyChoices) => JSON.stringify(choices);

  test('every combination in it is a policy, and compiles', () => {
    for (const choices of all) {
      const policy = combine(choices);
      expect(policy).not.toHaveProperty('invalid');
      expect(code(policy as StackPolicy).length).toBe(3);
    }
  });

  test('they are different ones, with names of their own', () => {
    expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
    // Whose frame is private decides what a callback does: here it is the boundary's alone.
    const plain = ASM.replace('r10 - 136', 'r10 - 8');
    const both = (choices: PolicyChoices) =>
      [ASM, plain].map((asm) => {
        const policy = combine(choices) as StackPolicy;
        const { code } = compiled(asm, { policy, type: 'tracepoint', exceptionCallback: 2 });
        return code.map((bytes) => Buffer.from(bytes).toString('hex')).join();
      });
    const seen = new Map<string, string[]>();
    for (const choices of all) {
      const bytes = both(choices).join();
      seen.set(bytes, [...(seen.get(bytes) ?? []), choices.name]);
    }
    expect([...seen.values()].filter((names) => names.length > 1)).toEqual([]);
  });

  test('its size', () => {
    const size = (block: string) => all.filter((each) => each.block === block).length;
    expect({ none: size('none'), function: size('function'), subtree: size('subtree') }).toEqual({
      none: 2,
      function: 52,
      subtree: 150,
    });
  });

  test('the named policies are in it', () => {
    const names = new Set(all.map(key));
    const named = POLICIES.map(choicesOf);
    expect(named.filter((choices) => !names.has(key(choices))).map(({ name }) => name)).toEqual([]);
  });
});

describe('an arena', () => {
  const ARENA = { kernVmStart: 0xffffc90010000000n, userVmStart: 0x7f0000000000n };
  const asm = 'main: *(u64 *)(r10 - 64) = 1; call bpf_ktime_get_ns; exit';

  test('takes the register of callee-saved: the policy is not applicable', () => {
    const compile = () => compiled(asm, { policy: 'callee-saved', arena: ARENA });
    expect(compile).toThrow(
      'not applicable: the program has an arena, whose base is in r12, where `callee-saved` has the frame pointer',
    );
    const small = asm.replace('r10 - 64', 'r10 - 8');
    expect(compiled(small, { policy: 'callee-saved', arena: ARENA }).listing('main')).toContain('push r12');
  });

  test.each(POLICIES.map(({ name }) => name).filter((name) => name !== 'callee-saved'))('%s has both', (policy) => {
    const { subprogs } = analyse(program(asm), policyNamed(policy)!.block, { type: 'kprobe', arena: ARENA });
    expect(subprogs[0]!.arena).not.toBeNull();
    expect(
      compiled(asm, { policy, arena: ARENA })
        .listing('main')
        .filter((line) => line === 'push r12'),
    ).toHaveLength(1);
  });
});

test('names of policies', () => {
  expect(new Set(POLICIES.map(({ name }) => name)).size).toBe(POLICIES.length);
  for (const policy of POLICIES) expect(policyNamed(policy.name)).toBe(policy);
  expect(policyNamed('linux-6.19')).toBeUndefined();
});
