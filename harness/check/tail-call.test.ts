import { describe, expect, test } from '@jest/globals';
import { LINUX_6_18 } from '../../jit';
import type { Segment } from '../machine/machine';
import { type Fault, faults, judge, patch, scene, shift, shown } from './testing';

const ENTRIES = 4;
/** Bytes from the entry to where tail calls land, without IBT. */
const LANDING = 12;

/** 64 bits, and 32. */
const le64 = (value: bigint) => new Uint8Array(BigUint64Array.of(BigInt.asUintN(64, value)).buffer);
const le32 = (value: number) => new Uint8Array(Uint32Array.of(value).buffer);

/** Makes the map `jmp` an array of programs, as a kernel has it in memory. */
const array =
  (slots: Readonly<Record<number, number>>, seen = slots): Fault =>
  (built) => {
    const { mapMaxEntries, progFunc } = LINUX_6_18.offsets;
    const { pointer } = built.world.data.find(({ name }) => name === 'jmp')!;
    const contents = new Uint8Array(ENTRIES * 8);
    const programs: Segment[] = Object.entries(seen).map(([slot, program]) => {
      const at = pointer! + 0x800n + BigInt(slot) * 0x80n;
      contents.set(le64(at), Number(slot) * 8);
      return { address: at + BigInt(progFunc), bytes: le64(built.world.programs[program]!.addresses[0]!) };
    });
    const full = new Map(Object.entries(slots).map(([slot, program]) => [Number(slot), program]));
    return {
      ...built,
      world: { ...built.world, programArrays: [{ pointer: pointer!, entries: ENTRIES, slots: full }] },
      contents: new Map([...built.contents, ['jmp', contents]]),
      kernelData: [{ address: pointer! + BigInt(mapMaxEntries), bytes: le32(ENTRIES) }, ...programs],
    };
  };

/** The index is not known before the run, or else the kernel would patch a direct jump. */
const jump = (index: number) => `  r3 = *(u32 *)(r1 + 0)\n  r3 += ${index}\n  r2 = map[jmp] ll\n  call bpf_tail_call\n`;
const entry = (index: number) => `main:\n  r6 = r1\n  r7 = 7\n  *(u64 *)(r10 - 24) = 1\n${jump(index)}  r0 = 1\n  exit`;
const CALLEE = 'other:\n  r8 = 8\n  *(u64 *)(r10 - 64) = 2\n  call bpf_ktime_get_ns\n  r0 = 2\n  exit';
const MAPS = `maps: { jmp: { size: ${ENTRIES * 8} } }`;
const spec = (main: string, other = CALLEE, rest = '') =>
  scene({ prog: { asm: main }, b: { asm: other } }, '{ run: prog }', `${MAPS}\n${rest}`);

const POLICIES = ['kernel-stack', 'linux-6.18', 'subtree'];

/** Counts in r0 how often it ran: the array's slot 0 is itself. */
const LOOP = `main:\n  r6 = r1\n  r1 = map[n][0] ll\n  r2 = *(u64 *)(r1 + 0)\n  r2 += 1\n  *(u64 *)(r1 + 0) = r2\n  r1 = r6\n${jump(0)}  r1 = map[n][0] ll\n  r0 = *(u64 *)(r1 + 0)\n  exit`;

describe('sound', () => {
  test.each<[string, string, Fault, number]>([
    ['it happens', spec(entry(1)), array({ 1: 1 }), 2],
    ['the slot is empty', spec(entry(0)), array({ 1: 1 }), 1],
    ['the index is too large', spec(entry(4)), array({ 1: 1 }), 1],
    [
      'the upper half of the index is ignored',
      spec(entry(1).replace('r3 += 1', 'r4 = 0x500000001 ll\n  r3 += r4')),
      array({ 1: 1 }),
      2,
    ],
    [
      'from a subprog',
      spec(`main:\n  r6 = 5\n  call sub\n  r0 += r6\n  exit\nsub:\n  r6 = 6\n${jump(1)}  r0 = 1\n  exit`),
      array({ 1: 1 }),
      7,
    ],
    [
      '33 times, and no more',
      spec(LOOP).replace(MAPS, `maps: { jmp: { size: 32 }, n: { size: 8 } }`),
      array({ 0: 0 }),
      34,
    ],
  ])('%s', (_, text, fault, retval) => {
    for (const policy of POLICIES) {
      for (const cpu of [0, 1]) {
        const report = judge(`${text}expect: { retval: ${retval} }\n`, policy, { fault, cpu });
        expect([policy, shown(report)]).toEqual([policy, []]);
      }
    }
  });
});

describe('wrong', () => {
  const row = (text: RegExp, nth = 1) => ({ in: 'main', text, nth });
  test.each<[string, string, Fault, string]>([
    ['it goes to another slot', entry(1), array({ 1: 1 }, { 1: 0 }), 'the tail call lands elsewhere'],
    ['it goes to an empty slot', entry(1), array({}, { 1: 1 }), 'the tail call happens, though slot 1 is empty'],
    [
      'it does not go to a full one',
      entry(1),
      array({ 1: 1 }, {}),
      'the tail call does not happen, though slot 1 is full',
    ],
    [
      'the bound is not looked at',
      entry(5),
      faults(array({ 1: 1 }), patch(row(/^jbe /)), (built) => {
        const data = new Uint8Array(64);
        data.set(built.contents.get('jmp')!.subarray(8, 16), 40);
        return { ...built, contents: new Map([...built.contents, ['jmp', data]]) };
      }),
      'the tail call happens, though index 5 is not below 4',
    ],
    [
      'it lands at the entry',
      entry(1),
      faults(array({ 1: 1 }), shift(row(/^add rcx, /), 1, -LANDING)),
      'the tail call lands elsewhere',
    ],
    [
      'the stack is not given up',
      entry(1),
      faults(array({ 1: 1 }), patch(row(/^add rsp, /))),
      'the tail call lands with another rsp than that of the frame it takes over',
    ],
    [
      'a pop is missing',
      entry(1),
      faults(array({ 1: 1 }), patch(row(/^pop rax$/))),
      'the tail call lands with another rsp than that of the frame it takes over',
    ],
    [
      'rbp is changed',
      entry(1),
      faults(array({ 1: 1 }), patch(row(/^pop rbx$/), [0x5d])),
      'the tail call lands with another rbp than that of the frame it takes over',
    ],
  ])('%s', (_, main, fault, message) => {
    const { findings } = judge(spec(main), 'linux-6.18', { fault });
    expect(findings.filter(({ check }) => check === 'tail-call')[0]).toMatchObject({ subprog: 'main', message });
  });

  test('B5: the limit is off by one', () => {
    const text = spec(LOOP).replace(MAPS, `maps: { jmp: { size: 32 }, n: { size: 8 } }`);
    for (const [by, message] of [
      [1, 'the tail call happens, though there were 33 tail calls before it'],
      [-1, 'the tail call does not happen, though slot 0 is full'],
    ] as const) {
      const fault = faults(array({ 0: 0 }), shift(row(/^cmp qword ptr \[rax/), 1, by));
      expect(judge(text, 'linux-6.18', { fault }).findings[0]).toMatchObject({ check: 'tail-call', message });
    }
  });
});
