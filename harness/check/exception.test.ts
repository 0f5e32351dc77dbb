import { describe, expect, test } from '@jest/globals';
import { type Fault, faults, judge, lowered, patch, scene, shown } from './testing';

const BODY = '  r6 = 1\n  r7 = 2\n  r8 = 3\n  r9 = 4\n';
const STORE = (depth: number) => `  *(u64 *)(r10 - ${depth}) = 7\n`;
const THROW = '  r1 = 16\n  call bpf_throw\n  r0 = 0\n  exit\n';
const CALL = '  call sub\n  r0 = 1\n  exit\n';

const main = (depth: number) => `main:\n${BODY}${STORE(depth)}${THROW}`;
const sub = (depth: number, own = 160) => `main:\n${BODY}${STORE(depth)}${CALL}sub:\n  r6 = 9\n${STORE(own)}${THROW}`;
const spec = (asm: string, rest = 'expect: { retval: 16 }') => scene({ prog: { asm } }, '{ run: prog }', rest);
const allPolicies = (text: string) => lowered(text)[0]!.cases.map(({ policy }) => policy as string);

const E3 = 'r15 <- saved r9, r14 <- r15, r13 <- r14, rbx <- r13, r12 <- rbx';

describe('what the caller of the boundary gets back', () => {
  test.each<[string, string, string[]]>([
    ['main', spec(main(256)), ['linux-6.18', 'subtree', 'callee-adjust', 'helpers-only']],
    ['a subprog', spec(sub(128)), ['linux-6.18', 'subtree']],
    ['a subprog, past a small frame', spec(sub(16)), []],
  ])('of a throw in %s', (_, text, shifting) => {
    for (const policy of allPolicies(text)) {
      for (const cpu of [0, 1]) {
        const { findings } = judge(text, policy, { cpu });
        const fails = shifting.includes(policy) || (policy === 'subtree' && text.includes('r10 - 16)'));
        const message = fails ? `an exception gives the caller other registers: ${E3}` : null;
        expect([policy, findings[0]?.message ?? null]).toEqual([policy, message]);
        expect(findings.map(({ check }) => check)).toEqual(fails ? Array(5).fill('exception') : []);
      }
    }
  });

  test('register by register, each at the pop that loads it', () => {
    const { findings } = judge(spec(main(256)), 'linux-6.18');
    const short = (text: string) => text.replace(/0x\w{16} /, '');
    expect(findings.map(({ machine, want, got }) => [machine, short(want), short(got)])).toEqual([
      ['pop r15', 'r15 = (caller.r15)', 'r15 = (fp(main), pushed by `push r9` at main pc 6 +0x4f)'],
      ['pop r14', 'r14 = (caller.r14)', expect.stringContaining('r14 = (caller.r15, pushed by `push r15` at main')],
      ['pop r13', 'r13 = (caller.r13)', expect.stringContaining('r13 = (caller.r14')],
      ['pop rbx', 'rbx = (caller.rbx)', expect.stringContaining('rbx = (caller.r13')],
      ['pop r12', 'r12 = (caller.r12)', expect.stringContaining('r12 = (caller.rbx')],
    ]);
    expect(findings[0]).toMatchObject({
      subprog: 'default_exception_cb',
      culprit: expect.stringMatching(/^`pop r15`/),
    });
  });

  /** Section 3.2: what the boundary pushes, what the callback pops. */
  const written = (asm: string, row: string) => {
    const [one] = lowered(spec(asm).replace('policies: all', `policies: [{ name: x, ${row} }]`));
    return judge(one!, 'x');
  };
  const shift = (list: string) => [`an exception gives the caller other registers: ${list}`];
  const OPPOSITE = 'r15 <- r14, r14 <- r13, r13 <- rbx, rbx <- r12, r12 <- a word of the frame';

  test.each<[string, string, string, string[]]>([
    ['E3', main(128), 'block: function, preserve: push-pop', shift(E3)],
    [
      'E5',
      sub(128),
      'block: subtree, compute: callee-add, preserve: { push-pop: [helper, kfunc] }, boundary: push-once, callback: pop-if-boundary',
      [],
    ],
    [
      'E6',
      sub(128),
      'block: subtree, compute: callee-add, preserve: push-pop, boundary: push-once, callback: pop-if-boundary',
      shift(E3),
    ],
    ['E7', main(128), 'block: function, preserve: push-pop, callback: skip', []],
    ['E8', main(128), 'block: function, preserve: push-pop, callback: from-rbp', []],
    [
      'nothing was pushed, one is popped',
      main(128),
      'block: function, preserve: reload, callback: pop-if-boundary',
      shift('r15 <- r14, r14 <- r13, r13 <- rbx, rbx <- r12, r12 <- rbp'),
    ],
  ])('%s', (_, asm, row, first) => {
    expect(
      written(asm, row)
        .findings.slice(0, 1)
        .map(({ message }) => message),
    ).toEqual(first);
  });

  test('E4: a callback with a private frame pops what a small boundary did not push', () => {
    const callback = `.global cb\ncb:\n  r6 = r1\n${STORE(160)}  call bpf_ktime_get_ns\n  r0 = r6\n  exit`;
    const text = scene({ prog: { asm: `${main(16)}${callback}` } }, '{ run: prog }').replace(
      'asm: |',
      'exception_callback: cb\n    asm: |',
    );
    const report = judge(text, 'subtree');
    expect(report.findings[0]?.message).toBe(shift(OPPOSITE)[0]);
    for (const policy of ['kernel-stack', 'linux-6.18', 'linux-6.18-fixed', 'spill-slot']) {
      expect([policy, shown(judge(text, policy))]).toEqual([policy, []]);
    }
  });
});

describe('an extension is a boundary of its own', () => {
  const target = `main:\n  r6 = 5\n  r7 = 6\n${STORE(128)}  call g\n  r1 = *(u64 *)(r10 - 128)\n  r0 += r6\n  r0 += r7\n  r0 += r1\n  exit\n.global g\ng:\n  r0 = 1\n  exit`;
  const extension = (depth: number) => `e:\n${BODY}${STORE(depth)}${THROW}`;
  const text = scene(
    { prog: { asm: target }, ext: { type: 'ext', asm: extension(128) } },
    '{ replace: prog.g, with: ext }, { run: prog }',
    'expect: { retval: 34 }',
  );

  test('X5: its callback returns a value to the program, as if the call had returned', () => {
    for (const policy of allPolicies(text).filter(
      (each) => !['callee-adjust', 'unsaved', 'boundary-once', 'helpers-only'].includes(each),
    )) {
      for (const cpu of [0, 1]) expect([policy, shown(judge(text, policy, { cpu }))]).toEqual([policy, []]);
    }
  });

  test('X6: with a private frame it ruins the registers of a program on the kernel stack', () => {
    const eligible = text
      .replace('type: ext', 'type: ext\n    eligible_as: kprobe')
      .replaceAll('r10 - 128', 'r10 - 64')
      .replace('(r10 - 64) = 7', '(r10 - 16) = 7')
      .replace('r10 - 64)\n        r0 += r6', 'r10 - 16)\n        r0 += r6');
    const { findings } = judge(eligible, 'linux-6.18');
    expect(findings[0]).toMatchObject({
      check: 'exception',
      message: `an exception gives main other registers: ${E3}`,
      program: 'ext',
      want: expect.stringContaining('(r15 of main)'),
    });
    expect(findings.filter(({ check }) => check === 'callee-saved')).toEqual([]);
  });
});

describe('the unwinder', () => {
  const inSub = spec(`main:\n${BODY}${STORE(128)}${CALL}sub:\n${THROW}`);
  const CB = 'default_exception_cb';
  test.each<[string, Fault, string, string]>([
    [
      'finds no boundary',
      patch({ in: 'sub', text: /^mov rbp, rsp$/ }),
      'sub pc 1',
      'the unwinder finds no boundary, so nothing catches the exception',
    ],
    [
      'takes another rsp',
      patch({ in: 'sub', text: /^nop dword ptr \[rax\]$/ }, [0xff, 0x34, 0x24]),
      'sub pc 1',
      'the callback is handed another rsp than that of main',
    ],
    [
      'takes another rbp',
      patch({ in: 'sub', text: /^push rbp$/ }, [0x50]),
      'sub pc 1',
      'the callback is handed another rbp than that of main',
    ],
    [
      'hands over a cookie that is lost',
      patch({ in: CB, text: /^nop dword ptr \[rax\]$/ }, [0x31, 0xff]),
      `${CB} pc 0`,
      `${CB} is not handed the cookie`,
    ],
    [
      'calls a callback that makes itself a frame',
      faults(
        patch({ in: CB, text: /^mov rsp, rsi$/ }, [0x55]),
        patch({ in: CB, text: /^mov rbp, rdx$/ }, [0x48, 0x89, 0xe5]),
      ),
      `${CB} pc 0`,
      `${CB} does not take over the frame of the boundary`,
    ],
  ])('%s', (_, fault, place, message) => {
    const report = judge(inSub, 'kernel-stack', { fault });
    expect(report.findings.map((each) => each.message)).toContain(message);
    expect(shown(report)).toContain(`exception ${place}`);
  });

  test('T2: a callback that returns behind bpf_throw', () => {
    const fault = faults(
      patch({ in: CB, text: /^mov rsp, rsi$/ }, [0x55]),
      patch({ in: CB, text: /^mov rbp, rdx$/ }, [0x48, 0x89, 0xe5]),
    );
    const messages = judge(inSub, 'kernel-stack', { fault }).findings.map(
      ({ check, message }) => `${check}: ${message}`,
    );
    expect(messages).toContain('exception: the exception callback returns behind bpf_throw');
    expect(messages.at(-1)).toBe('fault: a return into bpf_throw, which cannot go on');
  });
});

test('r0 of the callback is what the caller gets', () => {
  const callback = '.global cb\ncb:\n  r6 = r1\n  call bpf_ktime_get_ns\n  r0 = r6\n  exit';
  const text = scene({ prog: { asm: `${main(16)}${callback}` } }, '{ run: prog }', 'expect: { retval: 16 }').replace(
    'asm: |',
    'exception_callback: cb\n    asm: |',
  );
  expect(shown(judge(text, 'linux-6.18'))).toEqual([]);
  const report = judge(text, 'linux-6.18', { fault: patch({ in: 'cb', text: /^pop rbx$/, role: 'epilogue' }, [0x58]) });
  expect(report.findings.map(({ check, message }) => `${check}: ${message}`)).toContain(
    'exception: the caller does not get what cb returns',
  );
});

test.each([
  ['fp(main)', true],
  ['caller.r15', false],
])('a spec that declares r15 as %s', (r15, asDeclared) => {
  const regs = `r15: ${r15}, r14: caller.r15, r13: caller.r14, rbx: caller.r13, r12: caller.rbx`;
  const text = spec(main(256), `expect: { fails: exception, regs: { ${regs} } }`);
  for (const cpu of [0, 1]) expect(judge(text, 'linux-6.18', { cpu })).toMatchObject({ verdict: 'fails', asDeclared });
});
