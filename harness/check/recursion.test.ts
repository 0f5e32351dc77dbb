import { describe, expect, test } from '@jest/globals';
import { judge, lowered, scene, shown } from './testing';

const PRIVATE = (policy: string) => policy !== 'kernel-stack';
const TREE = 'main 128\n  sub 64\n    bpf_ktime_get_ns\n  bpf_ktime_get_ns';

const again = (at: string, more = '', type = 'kprobe') =>
  scene({ prog: { type, tree: TREE } }, `{ interrupt: ${at}, run: prog${more} }, { run: prog }`);

/** The first finding under every policy whose frames live through calls of subprogs. */
const firsts = (spec: string, cpu = 0) =>
  lowered(spec)[0]!
    .cases.map(({ policy }) => policy as string)
    .filter((policy) => !['unsaved', 'helpers-only', 'boundary-once'].includes(policy))
    .map((policy) => [policy, shown(judge(spec, policy, { cpu }))[0] ?? null]);

describe('T4: a program that runs again inside itself', () => {
  test.each([0, 1])('without a guard both write to the same private frame, on CPU %i', (cpu) => {
    for (const [policy, first] of firsts(again('call 1 of bpf_ktime_get_ns', ', guard: none'), cpu)) {
      expect([policy, first]).toEqual([policy, PRIVATE(policy!) ? 'recursion main pc 0' : null]);
    }
  });

  test('wherever it is interrupted', () => {
    for (const [policy, first] of firsts(again('every instruction of prog.sub', ', guard: none'))) {
      expect([policy, first]).toEqual([policy, PRIVATE(policy!) ? 'recursion main pc 0' : null]);
    }
  });

  test.each(['kprobe', 'tracepoint', 'raw_tracepoint'])('the kernel’s guard for %s skips it', (type) => {
    for (const [policy, first] of firsts(again('every instruction of prog.main', '', type))) {
      expect([policy, first]).toEqual([policy, null]);
    }
  });

  test.each([0, 1])('on another CPU it has another frame: CPU %i is interrupted', (cpu) => {
    for (const [policy, first] of firsts(again('call 1 of bpf_ktime_get_ns', ', cpu: other, guard: none'), cpu)) {
      expect([policy, first]).toEqual([policy, null]);
    }
  });

  test('it says who did it', () => {
    const { findings } = judge(again('call 1 of bpf_ktime_get_ns', ', guard: none'), 'linux-6.18');
    expect(findings[0]).toMatchObject({
      message: 'main runs again on CPU 0 inside itself, entered by an interrupt: both have the same private frame',
      subprog: 'main',
      bpf: '*(u64 *)(r10 - 8) = 1342177288',
    });
    expect(findings.map(({ check }) => check)).not.toContain('frame-address');
  });
});

test('another program has other frames', () => {
  const spec = scene(
    {
      prog: { tree: TREE },
      other: { type: 'raw_tracepoint', tree: TREE.replace('main', 'top').replace('sub', 'under') },
    },
    '{ interrupt: every instruction of prog.main, run: other }, { interrupt: every instruction of prog.sub, run: other, cpu: other }, { run: prog }',
  );
  for (const cpu of [0, 1])
    for (const [policy, first] of firsts(spec, cpu)) expect([policy, first]).toEqual([policy, null]);
});

test('T5: what an async callback calls, too, has its frame on the kernel stack, or one for each caller', () => {
  const asm = `
main:
  *(u64 *)(r10 - 128) = 1
  r1 = map[m][0] ll
  r2 = later ll
  call bpf_timer_set_callback
  call shared
  r0 = *(u64 *)(r10 - 128)
  exit
later:
  *(u64 *)(r10 - 8) = 3
  call shared
  r0 = 0
  exit
shared:
  *(u64 *)(r10 - 128) = 5
  call bpf_ktime_get_ns
  r0 = *(u64 *)(r10 - 128)
  exit`;
  const doing = '{ interrupt: every instruction of prog.shared, fire: prog.later }, { run: prog }';
  const spec = scene({ prog: { type: 'raw_tracepoint', asm } }, doing, 'maps: { m: { size: 32 } }');
  for (const [policy, first] of firsts(spec)) expect([policy, first]).toEqual([policy, null]);
});
