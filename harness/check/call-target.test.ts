import { describe, expect, test } from '@jest/globals';
import { assembleBodies } from '../bodies';
import { HELPER_STRIDE } from '../machine/layout';
import { asm, judge, lowered, scene, shift, shown } from './testing';

const SPEC = asm(`
main:
  *(u64 *)(r10 - 128) = 7
  call bpf_ktime_get_ns
  call sub
  call bpf_get_prandom_u32
  r0 = 0
  exit
sub:
  r0 = 0
  exit`);

const call = (callee: string) => ({ in: 'main', text: new RegExp(`^call ${callee}$`) });

describe('a displacement that is wrong', () => {
  test.each([
    ['F07: it misses the push, of a helper', 'bpf_ktime_get_ns', 2, 'call-target main pc 1'],
    ['the same of a subprog', 'sub', 2, 'call-target main pc 2'],
    ['two bytes before a helper', 'bpf_get_prandom_u32', -2, 'call-target main pc 3'],
    ['another helper', 'bpf_ktime_get_ns', Number(HELPER_STRIDE), 'call-target main pc 1'],
    ['a subprog behind its first instruction', 'sub', 5, 'call-target main pc 2'],
    ['its own function', 'sub', -4, 'call-target main pc 2'],
    ['where nothing is mapped', 'bpf_ktime_get_ns', 0x100000, 'call-target main pc 1'],
  ])('%s', (_, callee, by, first) => {
    for (const policy of ['kernel-stack', 'linux-6.18']) {
      const report = judge(SPEC, policy, { fault: shift(call(callee), 4, by) });
      expect(shown(report)[0]).toBe(first);
      expect(report.findings[0]).toMatchObject({
        message: `the call of ${callee} goes elsewhere`,
        want: expect.stringContaining(`${callee} at 0xffffffff`),
        got: expect.stringMatching(/^0xffffffff\w{8}$/),
        yaml: { line: 8 + Number(first.at(-1)) },
      });
    }
  });
});

test.each(['kernel-stack', 'linux-6.18', 'subtree'])('calls arrive under %s', (policy) => {
  expect(shown(judge(SPEC, policy))).toEqual([]);
});

async function withBody(text: string, policy: string) {
  const spec = lowered(`${SPEC}helpers: { bpf_ktime_get_ns: { asm: "${text}" } }`)[0]!;
  const { bodies, issues } = await assembleBodies(spec.helpers);
  expect(issues).toEqual([]);
  return judge(spec, policy, { bodies });
}

describe('a helper in assembly', () => {
  test('returns behind the call', async () => {
    expect(shown(await withBody('xor eax, eax; ret', 'linux-6.18'))).toEqual([]);
  });

  test('returns somewhere else: over the pop', async () => {
    const report = await withBody('add qword ptr [rsp], 2; ret', 'linux-6.18');
    expect(shown(report)[0]).toBe('call-target main pc 1');
    expect(report.findings[0]!.message).toBe('the call does not return to the instruction behind it');
  });
});

describe('a call that is interrupted before it arrives', () => {
  const tree = 'main 64\n  sub 16\n    bpf_ktime_get_ns';
  const spec = scene(
    { prog: { tree }, irq: { type: 'raw_tracepoint', tree: 'irq 64\n  bpf_get_prandom_u32' } },
    '{ interrupt: every instruction of prog.sub, run: irq }, { run: prog }',
  );

  test.each(['kernel-stack', 'linux-6.18', 'subtree'])('arrives, under %s', (policy) => {
    expect(shown(judge(spec, policy))).toEqual([]);
  });

  test('or goes elsewhere', () => {
    const { findings } = judge(spec, 'linux-6.18', { fault: shift(call('sub'), 4, 5) });
    expect(findings[0]).toMatchObject({
      check: 'call-target',
      subprog: 'main',
      message: 'the call of sub goes elsewhere',
    });
  });
});
