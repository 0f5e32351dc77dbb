import { describe, expect, test } from '@jest/globals';
import { asm, judge, LOAD, shift, shown, tree } from './testing';

const TREE = `
main 120
  sub 80
    bpf_ktime_get_ns
  leaf 0`;

const declared = (policy: string, frames: string) => tree(TREE, `expect: { frame_pointers: { ${policy}: ${frames} } }`);

test.each([
  ['kernel-stack', '{ main: kernel_stack(main), sub: kernel_stack(sub), leaf: kernel_stack(leaf) }'],
  ['linux-6.18', '{ main: block(main) + 8 + 120, sub: private_stack_ptr + 136 + 8 + 80, leaf: fp(leaf) }'],
  ['subtree', '{ main: private_stack_ptr + 120, sub: main_fp + 80, leaf: main_fp }'],
])('what is declared under %s holds', (policy, frames) => {
  expect(shown(judge(declared(policy, frames), policy))).toEqual([]);
});

test.each([
  ['linux-6.18', '{ sub: main_fp + 80 }', 'frame-pointer sub pc 0'],
  ['subtree', '{ sub: main_fp + 88 }', 'frame-pointer sub pc 0'],
  ['subtree', '{ leaf: main_fp + 8 }', 'frame-pointer leaf pc 0'],
  ['kernel-stack', '{ main: kernel_stack(sub) }', 'frame-pointer main pc 0'],
  ['linux-6.18', '{ main: "fp(main, cpu 1)" }', 'frame-pointer main pc 0'],
])('under %s %s does not', (policy, frames, want) => {
  const report = judge(declared(policy, frames), policy);
  expect(shown(report)).toEqual([want]);
  expect(report).toMatchObject({ verdict: 'fails', declared: 'holds', asDeclared: false });
});

test('there is no private block under kernel-stack', () => {
  const { findings } = judge(declared('kernel-stack', '{ main: block(main) + 8 }'), 'kernel-stack');
  expect(findings[0]).toMatchObject({
    check: 'frame-pointer',
    want: 'there is no such value under this policy (block(main) + 8)',
  });
});

test('it tells both, and who set the register', () => {
  const [finding] = judge(declared('subtree', '{ sub: 0x1234 }'), 'subtree').findings;
  expect(finding).toMatchObject({
    message: 'the frame pointer of sub is not the declared one',
    want: 'r10 = 0x0000000000001234 (4660)',
    got: expect.stringMatching(/^r10 = 0xffff/),
    culprit: expect.stringMatching(/^`add r9, .*` at sub prologue/),
    yaml: { line: 8 },
  });
});

test('a frame pointer that is wrong in the code is frame-address first, then this', () => {
  const spec = declared('linux-6.18', '{ main: block(main) + 8 + 120 }');
  const report = judge(spec, 'linux-6.18', { fault: shift({ in: 'main', text: LOAD }, 8, 8) });
  expect(shown(report).slice(0, 2)).toEqual(['frame-address main pc 0', 'frame-pointer main pc 0']);
  expect(report.findings.map(({ consequence }) => consequence).slice(0, 2)).toEqual([false, true]);
});

describe('a subprog that is entered from two depths', () => {
  const spec = asm(
    `
    main:
      *(u64 *)(r10 - 8) = 1
      call deep
      call far
      r0 = 0
      exit
    far:
      *(u64 *)(r10 - 16) = 1
      call deep
      r0 = 0
      exit
    deep:
      *(u64 *)(r10 - 8) = 1
      r0 = 0
      exit`,
    'expect: { frame_pointers: { kernel-stack: { deep: kernel_stack(deep), far: kernel_stack(far) } } }',
  );

  test('has the frame of each activation', () => {
    expect(shown(judge(spec, 'kernel-stack'))).toEqual([]);
  });

  test('and each is looked at', () => {
    const other = spec.replace('kernel_stack(deep)', 'kernel_stack(main) - 24');
    const report = judge(other, 'kernel-stack');
    expect(shown(report)).toEqual(['frame-pointer deep pc 0']);
    expect(judge(other.replace(/call deep/, 'r1 = 0'), 'kernel-stack').verdict).toBe('fails');
    expect(judge(spec.replace('kernel_stack(deep)', 'kernel_stack(main)'), 'kernel-stack').findings).toHaveLength(1);
  });
});

test('it is judged only where `holds` is declared', () => {
  const spec = declared('unsaved', '{ main: 0 }').replace('expect: {', 'expect: { fails: frame-address,');
  expect(shown(judge(spec, 'unsaved')).filter((each) => each.startsWith('frame-pointer'))).toEqual([]);
});
