import { describe, expect, test } from '@jest/globals';
import { asm, faults, judge, lowered, POP, PUSH, patch, shown, tree } from './check/testing';

const TREE = `
main 120
  sub 80
    bpf_ktime_get_ns
  bpf_get_prandom_u32
  bpf_get_prandom_u32`;

const unsaved = (expected: string) => tree(TREE, `expect: { policies: { unsaved: { ${expected} } } }`);
/** Where `unsaved` is first seen to have lost r9: sub tags its 80 bytes, calls, and loads the first one again. */
const FIRST = 'frame-address sub pc 11';

describe('a failure that is declared', () => {
  test.each([
    'fails: frame-address',
    'verdict: fails',
    'fails: frame-address, first: sub pc 11',
    'fails: frame-address, first: sub',
    'fails: frame-address, first: after call bpf_ktime_get_ns in sub',
    'fails: frame-address, first: after call 1 of bpf_ktime_get_ns in sub',
  ])('%s', (expected) => {
    const report = judge(unsaved(expected), 'unsaved');
    expect(shown(report)[0]).toBe(FIRST);
    expect(report).toMatchObject({ verdict: 'fails', declared: 'fails', asDeclared: true, reason: null });
  });

  test.each([
    ['fails: frame-bounds', 'the first finding is of frame-address, frame-bounds is declared'],
    ['fails: frame-address, first: sub pc 10', 'the first finding is at sub pc 11 +0x'],
    ['fails: frame-address, first: main', 'another place is declared'],
    ['fails: frame-address, first: after call sub in main', 'another place is declared'],
    ['fails: frame-address, regs: { r9: fp(main) }', 'not fp(main)'],
    ['fails: frame-address, regs: { rbx: 1 }', 'not 1'],
    ['fails: frame-address, regs: { r9: kernel_stack(main) + 1 }', 'r9 is 0x'],
  ])('%s, but it fails otherwise', (expected, reason) => {
    const report = judge(unsaved(expected), 'unsaved');
    expect(report).toMatchObject({ verdict: 'fails', declared: 'fails', asDeclared: false });
    expect(report.reason).toContain(reason);
  });

  test('registers', () => {
    const expected = 'fails: frame-address, regs: { rbx: caller.rbx, r15: caller.r15, rbp: kernel_stack(sub) }';
    expect(judge(unsaved(expected), 'unsaved')).toMatchObject({ asDeclared: true, reason: null });
  });

  test('but it holds', () => {
    const spec = tree(TREE, 'expect: { policies: { linux-6.18: { fails: frame-address } } }');
    const report = judge(spec, 'linux-6.18');
    expect(report).toMatchObject({ verdict: 'holds', declared: 'fails', asDeclared: false, findings: [] });
  });
});

test('a failure that nobody declares', () => {
  const report = judge(tree(TREE), 'unsaved');
  expect(report).toMatchObject({ verdict: 'fails', declared: 'holds', asDeclared: false });
  expect(report.findings.map(({ consequence }) => consequence)).toEqual([
    false,
    ...report.findings.slice(1).map(() => true),
  ]);
});

describe('the second of two calls', () => {
  const spec = (first: string) =>
    tree(TREE, `expect: { policies: { linux-6.18: { fails: frame-address, first: ${first} } } }`);
  /** Neither push nor pop around main's third call. */
  const fault = faults(patch({ in: 'main', text: PUSH, nth: 3 }), patch({ in: 'main', text: POP, nth: 3 }));

  test.each([
    ['after call 2 of bpf_get_prandom_u32 in main', true],
    ['after call bpf_get_prandom_u32 in main', true],
    ['after call 1 of bpf_get_prandom_u32 in main', false],
    ['after call sub in main', false],
  ])('%s', (first, asDeclared) => {
    expect(judge(spec(first), 'linux-6.18', { fault })).toMatchObject({ verdict: 'fails', asDeclared });
  });
});

describe('what the analysis says', () => {
  test.each([
    ['linux-6.18', '"120+80 max 128"', true],
    ['linux-6.18', '"120+80 max 208"', false],
    ['kernel-stack', '"120+80 max 208"', true],
    ['kernel-stack', '"120 max 208"', false],
  ])('under %s stack_depth is %s: %s', (policy, depth, asDeclared) => {
    const report = judge(tree(TREE, `expect: { stack_depth: ${depth} }`), policy);
    expect(report).toMatchObject({ verdict: 'holds', asDeclared });
    if (!asDeclared)
      expect(report.reason).toMatch(/^`stack depth 120\+80 max \d+`, but `.*` is declared \(test.yaml:\d+\)$/);
  });

  test('a depth that is not as declared shows in a failure that is', () => {
    const report = judge(unsaved('fails: frame-address, stack_depth: "1 max 1"'), 'unsaved');
    expect(report).toMatchObject({ verdict: 'fails', asDeclared: false, reason: expect.stringContaining('max') });
  });
});

describe('refused', () => {
  const CHAIN = `
main 256
  sub 256
    leaf 32`;
  const spec = (expected: string) => tree(CHAIN, `expect: { policies: { kernel-stack: { ${expected} } } }`);

  test('a chain over 512 on the kernel stack, with the reason', () => {
    const report = judge(spec('refused: combined stack size of 3 calls is 544. Too large'), 'kernel-stack');
    expect(report).toMatchObject({ verdict: 'refused', asDeclared: true, findings: [], framePointers: [] });
    expect(report.reason).toContain('544');
  });

  test('with private frames it holds', () => {
    expect(judge(spec('verdict: refused'), 'linux-6.18')).toMatchObject({ verdict: 'holds', asDeclared: true });
    expect(judge(spec('verdict: refused'), 'subtree')).toMatchObject({ verdict: 'holds', asDeclared: true });
  });

  test.each(['refused: "600"', 'verdict: holds', 'fails: frame-address'])('but %s is declared', (expected) => {
    const report = judge(spec(expected), 'kernel-stack');
    expect(report).toMatchObject({ verdict: 'refused', asDeclared: false, reason: expect.stringContaining('544') });
  });

  test('refusal is declared, and it is not', () => {
    const report = judge(tree(TREE, 'expect: { verdict: refused }'), 'linux-6.18');
    expect(report).toMatchObject({ verdict: 'holds', declared: 'refused', asDeclared: false });
  });
});

const TWO = `name: two programs
policies: [linux-6.18]
programs:
  first:
    type: kprobe
    asm: |
      main:
        *(u64 *)(r10 - 64) = 1
        call bpf_ktime_get_ns
        r1 = map[m][0] ll
        r2 = 1
        lock *(u64 *)(r1 + 0) += r2
        r0 = *(u64 *)(r10 - 64)
        exit
  second:
    type: kprobe
    asm: |
      main:
        *(u64 *)(r10 - 128) = 2
        call bpf_get_smp_processor_id
        r6 = r0
        r1 = map[m][0]+8 ll
        *(u64 *)(r1 + 0) = r6
        r0 = *(u64 *)(r10 - 128)
        exit
maps: { m: { size: 16, init: "00000000000000000900" } }
scenarios:
  both: { do: [{ run: first }, { run: second, cpu: 1 }, { run: first, cpu: 1, times: 2 }] }
  one: { do: [{ run: second }] }
expect:
  scenarios:
    both: { memory: { m: "0300000000000000 0100000000000000" } }
    one: { memory: { m: "0000000000000000 0000000000000000" }, retval: 2 }
`;

describe('several programs, on two CPUs', () => {
  test.each(['both', 'one'])('scenario %s', (scenario) => {
    const report = judge(TWO, 'linux-6.18', { scenario });
    expect(report).toMatchObject({ scenario, verdict: 'holds', asDeclared: true, findings: [] });
  });

  test('each has frames of its own, on the CPU where it ran', () => {
    const { framePointers } = judge(TWO, 'linux-6.18', { scenario: 'both' });
    expect(framePointers).toMatchObject([
      { subprog: 'first.main', cpu: 0, offset: 72 },
      { subprog: 'second.main', cpu: 1, offset: 136 },
    ]);
    for (const { seen, expected } of framePointers) expect(seen).toBe(expected);
    const [first, second] = framePointers.map(({ seen }) => BigInt(seen!));
    expect(second! - first!).toBe(0x200000n + 8n + 8n + 128n);
  });

  test('a program that does not run has a frame that nobody saw', () => {
    const { framePointers } = judge(TWO, 'linux-6.18', { scenario: 'one' });
    expect(framePointers).toMatchObject([
      { subprog: 'first.main', seen: null },
      { subprog: 'second.main', offset: 136 },
    ]);
  });

  test('a finding is of the run in which it is', () => {
    const fault = patch({ in: 'main', text: POP });
    const report = judge(TWO, 'linux-6.18', { scenario: 'both', fault });
    expect(report.findings[0]).toMatchObject({ check: 'stack-balance', program: 'first', subprog: 'main', bpfPc: 2 });
    expect(new Set(report.findings.map(({ program }) => program))).toEqual(new Set(['first']));
  });
});

describe('what an earlier run left', () => {
  test('helps no later one: each finds junk in its frame', () => {
    const spec = (asked: string) =>
      asm(
        `
        main:
          r6 = *(u64 *)(r10 - 128)
          *(u64 *)(r10 - 128) = 7
          r0 = 0
          if r6 != 7 goto out
          r0 = 1
        out:
          exit`,
        `scenarios: { twice: { do: [{ run: prog, times: 2 }] } }\nexpect: { retval: ${asked} }`,
      );
    for (const policy of ['kernel-stack', 'linux-6.18', 'subtree']) {
      expect(shown(judge(spec('0'), policy))).toEqual([]);
      expect(shown(judge(spec('1'), policy))).toEqual(['retval', 'retval']);
    }
  });
});

describe('seeds', () => {
  const strip = (report: ReturnType<typeof judge>) => ({ ...report, milliseconds: 0 });
  const points = lowered(tree(TREE, 'sweep: { seed: 1..5 }'));

  test('the same seed gives the same run', () => {
    for (const policy of ['unsaved', 'linux-6.18']) {
      const [one, other] = [1, 2].map(() => strip(judge(points[2]!, policy, { trace: true })));
      expect(other).toEqual(one);
    }
  });

  test('another one gives another, with the same verdict', () => {
    const traces = points.map((each) => judge(each, 'linux-6.18', { trace: true }));
    expect(traces.map(({ verdict }) => verdict)).toEqual(points.map(() => 'holds'));
    expect(new Set(traces.map(({ trace }) => trace!.join('\n'))).size).toBe(points.length);
    expect(new Set(points.map((each) => shown(judge(each, 'unsaved'))[0]))).toEqual(new Set([FIRST]));
  });
});

test('a sweep judges each depth with its own plan', () => {
  const points = lowered(
    tree('main 64\n  bpf_ktime_get_ns', 'sweep: { depth(main): [0, 8, 48, 49, 56, 57, 511, 512] }'),
  );
  const offsets = points.map((each) => judge(each, 'linux-6.18').framePointers[0]!.offset);
  expect(offsets).toEqual([null, null, null, 64, 64, 72, 520, 520]);
  expect(points.map((each) => judge(each, 'linux-6.18').verdict)).toEqual(points.map(() => 'holds'));
});

test('--trace tells every event', () => {
  const { trace } = judge(tree('main 64\n  bpf_ktime_get_ns'), 'linux-6.18', { trace: true });
  const text = trace!.join('\n');
  expect(text).toContain('main pc 0: *(u64 *)(r10 - 8) = ');
  expect(text).toMatch(/ {2}main prologue \+0x0 +nop dword ptr .* r9=0x\w{16}/);
  expect(text).toMatch(/-> bpf_ktime_get_ns\(0x\w{16}, .*\): destroys rax rcx rdx rsi rdi r8 r9 r10 r11/);
  expect(text).toMatch(/store 8 bytes at 0xffff\w{12}: 0x\w{16}/);
  expect(text).not.toContain('FAULTS');
});

test('choices that make no policy are told with the reason', () => {
  const rest = 'policies: [{ name: mine, block: subtree, compute: callee-add, preserve: reload }]';
  const text = asm('main: r0 = 0; exit').replace(/^policies:.*$/m, rest);
  expect(() => judge(text, 'mine')).toThrow(
    'the policy `mine` cannot be built: `preserve: reload` needs `compute: absolute`: a frame pointer that came from the caller',
  );
});

describe('a claim that is not about the policy', () => {
  const claim = (premise: string, expected: string) =>
    tree(
      TREE,
      `claim: { id: C1, statement: s, source: { message: m, claim: c }, property: p, premise: ${premise} }
expect: ${expected}`,
    );

  test.each(['{}', '{ fails: frame-address }', '{ policies: { unsaved: { not_applicable: its block } } }'])(
    'not-applicable is what is declared, with %s',
    (expected) => {
      expect(judge(claim('{ block: subtree }', expected), 'unsaved')).toMatchObject({
        ...{ verdict: 'not-applicable', declared: 'not-applicable', asDeclared: true, findings: [] },
        reason: 'its block is `function`, the claim is about `subtree`',
      });
    },
  );

  test('whose frames are not private', () => {
    for (const [policy, verdict] of [
      ['unsaved', 'fails'],
      ['kernel-stack', 'not-applicable'],
    ] as const) {
      const { verdict: judged, asDeclared } = judge(claim('{ private: [main] }', '{ fails: frame-address }'), policy);
      expect([policy, judged, asDeclared]).toEqual([policy, verdict, true]);
    }
  });

  test.each([
    ['fails', 'fails: frame-address'],
    ['not-applicable', 'not_applicable: its callback'],
  ])('unless the spec declares another thing for it by name: %s', (declared, expected) => {
    const report = judge(claim('{ block: subtree }', `{ policies: { unsaved: { ${expected} } } }`), 'unsaved');
    expect(report).toMatchObject({ verdict: 'not-applicable', declared, asDeclared: false });
  });

  test('one that is runs', () => {
    const spec = claim('{ preserve: none, block: function }', '{ fails: frame-address }');
    expect(judge(spec, 'unsaved')).toMatchObject({ verdict: 'fails', declared: 'fails', asDeclared: true });
  });
});
