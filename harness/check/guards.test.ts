import { describe, expect, test } from '@jest/globals';
import { asm, type Fault, judge, LOAD, NEXT_CPU, shift, shown } from './testing';

const SPEC = asm(`
main:
  *(u64 *)(r10 - 8) = 7
  *(u64 *)(r10 - 128) = 7
  call sub
  r0 = 0
  exit
sub:
  *(u64 *)(r10 - 64) = 8
  r0 = 0
  exit`);

const off = (by: number | bigint, fn = 'main'): Fault => shift({ in: fn, text: LOAD }, 8, by);
const found = (fault: Fault, policy = 'linux-6.18') =>
  judge(SPEC, policy, { fault }).findings.filter(({ check }) => check === 'guards');

describe('a frame pointer that is off', () => {
  test.each([
    [8, 0, 'main', 0],
    [-8, 1, 'main', 0],
    [NEXT_CPU + 8n, 0, 'main', 1],
    [136, 1, 'sub', 0],
  ])('by %s, overwrites a guard of %s', (by, pc, owner, cpu) => {
    const { findings } = judge(SPEC, 'linux-6.18', { fault: off(by) });
    expect(findings.filter(({ check }) => check === 'guards')).toMatchObject([
      {
        message: `a guard of the block of ${owner} on CPU ${cpu} is overwritten`,
        subprog: 'main',
        bpfPc: pc,
        machine: expect.stringMatching(/^mov qword ptr \[r9-/),
        want: '0xeb9f12345678eb9f',
        got: expect.stringMatching(/^0x0000000000000007 at 0xffff/),
        consequence: true,
        yaml: { line: 8 + pc },
      },
    ]);
  });
});

test('F08: the frame pointer without the guard; whatever comes first is the frame’s address', () => {
  const { findings } = judge(SPEC, 'linux-6.18', { fault: off(-8) });
  expect(shown({ findings })[0]).toBe('frame-address main pc 0');
  expect(findings.map(({ check }) => check)).toContain('guards');
});

test('one that is off by more may touch none', () => {
  expect(found(off(24))).toEqual([]);
});

test('blocks of v3 have no guards', () => {
  expect(found(off(8), 'subtree')).toEqual([]);
  expect(shown(judge(SPEC, 'subtree', { fault: off(8) }))[0]).toBe('frame-address main pc 0');
});

test.each(['kernel-stack', 'linux-6.18', 'subtree'])('they are intact under %s', (policy) => {
  expect(shown(judge(SPEC, policy))).toEqual([]);
});

test('it is told of the run that overwrites it', () => {
  const twice = SPEC.replace(
    'policies:',
    'scenarios: { s: { do: [{ run: prog, times: 2 }, { run: prog, cpu: 1 }] } }\npolicies:',
  );
  const { findings } = judge(twice, 'linux-6.18', { fault: off(8) });
  expect(findings.filter(({ check }) => check === 'guards').map(({ message }) => message)).toEqual([
    'a guard of the block of main on CPU 0 is overwritten',
    'a guard of the block of main on CPU 1 is overwritten',
  ]);
});
