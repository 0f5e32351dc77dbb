import { describe, expect, test } from '@jest/globals';
import { type Fault, faults, judge, patch, scene, shift, shown } from './testing';

/** Bytes from the entry to where tail calls land, without IBT. */
const LANDING = 12;

/** The check is told that other slots are full than really are. */
const declared =
  (slots: Readonly<Record<number, number>>): Fault =>
  (built) => {
    const full = new Map(Object.entries(slots).map(([slot, program]) => [Number(slot), program]));
    const programArrays = built.world.programArrays.map((array) => ({ ...array, slots: full }));
    return { ...built, world: { ...built.world, programArrays } };
  };

const CALL = '  r2 = map[jmp] ll\n  call bpf_tail_call\n';
/** The index is not known before the run. */
const indirect = (index: number) => `  r3 = *(u32 *)(r1 + 0)\n  r3 += ${index}\n${CALL}`;
/** It is, so the kernel patches a direct jump. */
const direct = (index: number) => `  r3 = ${index}\n${CALL}`;

const entry = (jump: string) => `main:\n  r6 = r1\n  r7 = 7\n  *(u64 *)(r10 - 24) = 1\n${jump}  r0 = 1\n  exit`;
const inSub = (jump: string) =>
  `main:\n  r6 = 5\n  call sub\n  r0 += r6\n  exit\nsub:\n  r6 = 6\n${jump}  r0 = 1\n  exit`;
/** Counts in r0 how often it ran: slot 0 is itself. */
const loop = (jump: string) => {
  const count = '  r1 = map[n][0] ll\n  r2 = *(u64 *)(r1 + 0)\n  r2 += 1\n  *(u64 *)(r1 + 0) = r2\n';
  return `main:\n  r6 = r1\n${count}  r1 = r6\n${jump}  r1 = map[n][0] ll\n  r0 = *(u64 *)(r1 + 0)\n  exit`;
};
const CALLEE = 'other:\n  r8 = 8\n  *(u64 *)(r10 - 64) = 2\n  call bpf_ktime_get_ns\n  r0 = 2\n  exit';

/** Slot 0 or 1 of four is full; a loop has itself in it. */
const spec = (main: string, doing = '{ run: prog }', rest = '') => {
  const slots = main.includes('map[n]') ? '0: prog' : '1: b';
  const maps = `maps: { jmp: { prog_array: { ${slots} }, entries: 4 }, n: { size: 8 } }`;
  const irq = { type: 'raw_tracepoint', tree: 'irq 64\n  bpf_ktime_get_ns' };
  return scene({ prog: { asm: main }, b: { asm: CALLEE }, irq }, doing, `${maps}\n${rest}`);
};

const POLICIES = ['kernel-stack', 'linux-6.18', 'subtree'];

describe.each([
  ['through the array', indirect],
  ['direct', direct],
])('sound, %s', (_, jump) => {
  test.each<[string, string, number]>([
    ['it happens', entry(jump(1)), 2],
    ['the slot is empty', entry(jump(0)), 1],
    ['the index is too large', entry(indirect(4)), 1],
    [
      'the upper half of the index is ignored',
      entry(`  r4 = 0x500000000 ll\n${jump(1).replace(CALL, `  r3 += r4\n${CALL}`)}`),
      2,
    ],
    ['from a subprog', inSub(jump(1)), 7],
    ['33 times, and no more', loop(jump(0)), 34],
  ])('%s', (_, main, retval) => {
    for (const policy of POLICIES) {
      for (const cpu of [0, 1]) {
        expect([
          policy,
          shown(judge(spec(main, '{ run: prog }', `expect: { retval: ${retval} }`), policy, { cpu })),
        ]).toEqual([policy, []]);
      }
    }
  });

  test('interrupted at every instruction', () => {
    const doing =
      '{ interrupt: every instruction of prog.main, run: irq }, { interrupt: every instruction of b.other, run: irq, cpu: other }, { run: prog }';
    for (const policy of POLICIES)
      expect([policy, shown(judge(spec(entry(jump(1)), doing), policy))]).toEqual([policy, []]);
  });
});

const row = (text: RegExp, nth = 1) => ({ in: 'main', text, nth });

describe('wrong', () => {
  test.each<[string, string, Fault, string]>([
    ['it goes to another program', indirect(1), declared({ 1: 2 }), 'the tail call lands elsewhere'],
    ['it goes to an empty slot', indirect(1), declared({}), 'the tail call happens, though slot 1 is empty'],
    ['it goes to an empty slot directly', direct(1), declared({}), 'the tail call happens, though slot 1 is empty'],
    [
      'it does not go to a full one',
      indirect(0),
      declared({ 0: 1 }),
      'the tail call does not happen, though slot 0 is full',
    ],
    ['it lands at the entry', indirect(1), shift(row(/^add rcx, /), 1, -LANDING), 'the tail call lands elsewhere'],
    [
      'the stack is not given up',
      indirect(1),
      patch(row(/^add rsp, /)),
      'the tail call lands with another rsp than that of the frame it takes over',
    ],
    [
      'a pop is missing',
      indirect(1),
      patch(row(/^pop rax$/)),
      'the tail call lands with another rsp than that of the frame it takes over',
    ],
    [
      'rbp is changed',
      indirect(1),
      patch(row(/^pop rbx$/), [0x5d]),
      'the tail call lands with another rbp than that of the frame it takes over',
    ],
  ])('%s', (_, jump, fault, message) => {
    const { findings } = judge(spec(entry(jump)), 'linux-6.18', { fault });
    expect(findings.filter(({ check }) => check === 'tail-call')[0]).toMatchObject({ subprog: 'main', message });
  });

  test('the bound is not looked at', () => {
    // The array is four entries long, but the check is told that it is one.
    const short: Fault = (built) => {
      const programArrays = built.world.programArrays.map((array) => ({ ...array, entries: 1 }));
      return { ...built, world: { ...built.world, programArrays } };
    };
    const { findings } = judge(spec(entry(indirect(1))), 'linux-6.18', { fault: short });
    expect(findings[0]).toMatchObject({
      check: 'tail-call',
      message: 'the tail call happens, though index 1 is not below 1',
    });
  });

  test.each([indirect, direct])('B5: the limit is off by one', (jump) => {
    for (const [by, message] of [
      [1, 'the tail call happens, though there were 33 tail calls before it'],
      [-1, 'the tail call does not happen, though slot 0 is full'],
    ] as const) {
      const fault = faults(shift(row(/^cmp qword ptr \[rax/), 1, by));
      expect(judge(spec(loop(jump(0))), 'linux-6.18', { fault }).findings[0]).toMatchObject({
        check: 'tail-call',
        message,
      });
    }
  });
});
