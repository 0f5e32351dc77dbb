import { describe, expect, test } from '@jest/globals';
import { asm, type Fault, judge, program, shift, shown, tree } from './testing';

/** A store through a copy of r10: its machine instruction ends with displacement and a 32-bit value. */
const COPY = asm(`
main:
  r6 = r10
  *(u64 *)(r6 - 128) = 7
  call sub
  r0 = 0
  exit
sub:
  *(u64 *)(r10 - 256) = 9
  r0 = 0
  exit`);

/** `mov qword ptr [rbx-0x80], 7`: the displacement is the 8 bits before the value. */
const displaced = (by: number): Fault => shift({ in: 'main', text: /^mov qword ptr \[rbx/ }, 1, 0, 4, by);

describe('a store through a pointer', () => {
  test.each([
    ['kernel-stack', 128 - 136 - 128, 'outside every frame that is alive'],
    ['kernel-stack', 128, 'outside every frame that is alive'],
    ['kernel-stack', 124, 'outside every frame that is alive'],
    ['linux-6.18', 128, 'the upper guard of block(main) on CPU 0'],
    ['linux-6.18', 124, 'past the end of block(main) on CPU 0'],
    ['subtree', 128, 'outside every frame that is alive'],
    ['subtree', 124, 'outside every frame that is alive'],
  ])('under %s, off by %i bytes', (policy, by, why) => {
    if (by < -128) return;
    const report = judge(COPY, policy, { fault: displaced(by) });
    expect(shown(report)[0]).toBe('frame-bounds main pc 1');
    expect(report.findings[0]!.message).toBe(`a store of 8 bytes goes to ${why}`);
  });
});
