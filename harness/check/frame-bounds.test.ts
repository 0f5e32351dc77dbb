import { describe, expect, test } from '@jest/globals';
import { asm, type Fault, judge, patch, program, scene, shift, shown, tree } from './testing';

/** Stores through a copy of r10. The second one, at pc 2, is the one that goes astray. */
const COPY = asm(`
main:
  r6 = r10
  *(u64 *)(r6 - 64) = 7
  *(u64 *)(r6 - 16) = 7
  call sub
  r0 = 0
  exit
sub:
  *(u64 *)(r10 - 256) = 9
  r0 = 0
  exit`);

/** `mov qword ptr [rbx-0x10], 0x7`: the displacement is the byte before the 32 bits of the value. */
const displaced = (by: number): Fault => shift({ in: 'main', text: /^mov qword ptr \[rbx-0x10\]/ }, 1, by, 4);

describe('a store that its pointer does not lead astray', () => {
  test.each(['kernel-stack', 'linux-6.18', 'subtree'])('%s', (policy) => {
    for (const by of [0, -48, 8]) expect(shown(judge(COPY, policy, { fault: displaced(by) }))).toEqual([]);
  });
});

describe('a store through a pointer', () => {
  test.each([
    ['kernel-stack', 16, 'is outside every frame that is alive'],
    ['kernel-stack', 12, 'is outside every frame that is alive'],
    ['kernel-stack', 24, "goes to the caller's stack"],
    ['kernel-stack', 20, "goes to the caller's stack"],
    ['kernel-stack', -56, 'is outside every frame that is alive'],
    ['kernel-stack', -112, 'goes below the stack pointer, where interrupts write'],
    ['linux-6.18', 16, 'goes to the upper guard of block(main) on CPU 0'],
    ['linux-6.18', 12, 'runs past the end of block(main) on CPU 0'],
    ['linux-6.18', 24, 'goes to the lower guard of block(sub) on CPU 0'],
    ['linux-6.18', 32, 'is outside every frame that is alive'],
    ['linux-6.18', -56, 'goes to the lower guard of block(main) on CPU 0'],
    ['linux-6.18', -64, 'goes to per-CPU memory that belongs to nobody'],
    ['subtree', 16, 'is outside every frame that is alive'],
    ['subtree', 12, 'is outside every frame that is alive'],
    ['subtree', -56, 'goes to per-CPU memory that belongs to nobody'],
  ])('under %s, off by %i bytes', (policy, by, why) => {
    const report = judge(COPY, policy, { fault: displaced(by) });
    expect(shown(report)[0]).toBe('frame-bounds main pc 2');
    expect(report.findings[0]!.message).toBe(`a store of 8 bytes ${why}`);
  });
});

describe('through r10 only the own frame', () => {
  /** The analysis believes that the frame is smaller than what the program uses of it. */
  const smaller = program(({ analysis }) => ({
    analysis: { ...analysis, subprogs: analysis.subprogs.map((facts) => ({ ...facts, stackDepth: 120 })) },
  }));

  test.each(['kernel-stack', 'linux-6.18'])('%s', (policy) => {
    const report = judge(tree('main 128'), policy, { fault: smaller });
    expect(report.findings[0]).toMatchObject({
      check: 'frame-bounds',
      bpf: '*(u64 *)(r10 - 128) = 1342177408',
      message: 'a store of 8 bytes is outside its own frame',
    });
  });
});

const MAP = `maps: { m: { size: 12, init: "0102" } }`;

describe('memory that is no frame', () => {
  test.each([
    ['the context', '*(u64 *)(r1 + 0) = 1\nr2 = *(u8 *)(r1 + 255)'],
    ['a map', 'r1 = map[m][0]+4 ll\n*(u64 *)(r1 + 0) = 1'],
    [
      'atomics in a map',
      'r1 = map[m][0] ll\nr2 = 3\nlock *(u64 *)(r1 + 0) += r2\nr2 = atomic64_fetch_or((u64 *)(r1 + 0), r2)',
    ],
    ['atomics in the frame', 'r2 = 3\n*(u64 *)(r10 - 64) = 0\nr2 = atomic64_fetch_xor((u64 *)(r10 - 64), r2)'],
    ['what division keeps on the stack', 'r2 = 3\nr3 = 9\nr3 /= r2\nr2 <<= r3\nr4 %= r2'],
  ])('%s is fine', (_, lines) => {
    const spec = asm(`main:\n${lines}\nr0 = 0\nexit`, MAP);
    for (const policy of ['kernel-stack', 'linux-6.18']) expect(shown(judge(spec, policy))).toEqual([]);
  });

  test.each([
    ['behind the context', '*(u64 *)(r1 + 256) = 1', 'a store of 8 bytes goes to memory that belongs to nobody'],
    ['over the end of it', 'r2 = *(u16 *)(r1 + 255)', 'a load of 2 bytes runs past the end of ctx'],
    ['over the end of a map', 'r1 = map[m][0]+8 ll\n*(u64 *)(r1 + 0) = 1', 'a store of 8 bytes runs past the end of m'],
    [
      'a map itself',
      'r1 = map[m] ll\nr1 = *(u32 *)(r1 + 0)',
      'a load of 4 bytes goes to memory that belongs to nobody',
    ],
    ['address 0', 'r1 = 0\nr1 = *(u32 *)(r1 + 0)', 'a load of 4 bytes goes to memory that belongs to nobody'],
  ])('%s is not', (_, lines, message) => {
    const report = judge(asm(`main:\n${lines}\nr0 = 0\nexit`, MAP), 'linux-6.18');
    expect(report.findings[0]).toMatchObject({ check: 'frame-bounds', message });
  });
});

describe("a caller's frame", () => {
  const POINTER = asm(`
    main:
      *(u64 *)(r10 - 64) = 5
      *(u64 *)(r10 - 128) = 5
      r1 = r10
      r1 += -64
      call middle
      r0 = *(u64 *)(r10 - 64)
      exit
    middle:
      *(u64 *)(r10 - 64) = r1
      call bpf_ktime_get_ns
      r1 = *(u64 *)(r10 - 64)
      call leaf
      r0 = 0
      exit
    leaf:
      r2 = 1
      lock *(u64 *)(r1 + 0) += r2
      r0 = 0
      exit`);

  test.each(['kernel-stack', 'linux-6.18', 'subtree'])('is its callees’ too, under %s', (policy) => {
    expect(shown(judge(`${POINTER}expect: { retval: 6 }`, policy))).toEqual([]);
  });

  test('a callee’s frame is gone when it has returned', () => {
    const spec = asm(`
      main:
        *(u64 *)(r10 - 64) = 5
        r6 = r10
        r6 += -64
        call sub
        r0 = *(u64 *)(r0 - 64)
        exit
      sub:
        *(u64 *)(r10 - 128) = 5
        r0 = r10
        exit`);
    const messages = ['kernel-stack', 'linux-6.18', 'subtree'].map((policy) =>
      judge(spec, policy).findings[0]?.message.replace('a load of 8 bytes ', ''),
    );
    expect(messages).toEqual([
      'goes below the stack pointer, where interrupts write',
      'is outside every frame that is alive',
      'is outside every frame that is alive',
    ]);
  });
});

describe('the key that a callback is given stands in the frame of C', () => {
  const spec = (line: string) =>
    scene(
      {
        prog: {
          asm: `main:\n*(u64 *)(r10 - 64) = 1\nr1 = map[m] ll\nr2 = each ll\nr3 = r10\nr4 = 0\ncall bpf_for_each_map_elem\nr0 = 0\nexit\neach:\n${line}\nr0 = 0\nexit`,
        },
      },
      '{ run: prog }',
      'maps: { m: { size: 8 } }',
    );

  test.each<[string, string, string | null]>([
    ['it may be read', 'r1 = *(u32 *)(r2 + 0)', null],
    ['it may not be written', '*(u32 *)(r2 + 0) = 1', "a store of 4 bytes goes to the caller's stack"],
    [
      'nor what is below it',
      '*(u64 *)(r2 - 0x200) = 1',
      'a store of 8 bytes goes below the stack pointer, where interrupts write',
    ],
    [
      'a return address may not be read',
      'r1 = *(u64 *)(r2 + 64)',
      'a load of 8 bytes is outside every frame that is alive',
    ],
    [
      "nor what stands above the caller's frame",
      'r1 = *(u64 *)(r2 + 256)',
      'a load of 8 bytes is outside every frame that is alive',
    ],
  ])('%s', (_, line, message) => {
    for (const policy of ['kernel-stack', 'linux-6.18', 'subtree']) {
      expect([policy, judge(spec(line), policy).findings[0]?.message ?? null]).toEqual([policy, message]);
    }
  });
});

test('a frame on the kernel stack that was not reserved lies where interrupts write', () => {
  const { findings } = judge(COPY, 'kernel-stack', { fault: patch({ in: 'sub', text: /^sub rsp, / }) });
  expect(findings[0]).toMatchObject({
    check: 'frame-bounds',
    subprog: 'sub',
    message: 'a store of 8 bytes goes below the stack pointer, where interrupts write',
  });
});
