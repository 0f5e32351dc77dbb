import { describe, expect, test } from '@jest/globals';
import { assembleBodies } from '../bodies';
import { asm, judge, lowered, patch, shown } from './testing';

describe('termination', () => {
  test.each([
    ['an empty loop', 'l:\ngoto l'],
    ['a loop that calls helpers', 'l:\ncall bpf_ktime_get_ns\ngoto l'],
    ['a loop that stores', 'l:\n*(u64 *)(r10 - 128) = 1\ngoto l'],
    ['a loop through subprogs', 'l:\ncall sub\ngoto l\nsub:\nr0 = 0\nexit'],
  ])('%s', (_, lines) => {
    const report = judge(asm(`main:\n*(u64 *)(r10 - 128) = 1\n${lines}`), 'linux-6.18');
    expect(shown(report)).toEqual([expect.stringMatching(/^termination (main|sub)/)]);
    expect(report.findings[0]!.message).toMatch(/^the program has not ended after \d+ events$/);
  });

  test('what is wrong in every round is told once', () => {
    const clobber = 'clobbers: { bpf_ktime_get_ns: [{ r9: fp(main) - 8 }] }';
    const spec = asm('main:\nl:\n*(u64 *)(r10 - 128) = 1\ncall bpf_ktime_get_ns\ngoto l', clobber);
    expect(shown(judge(spec, 'unsaved'))).toEqual([
      'frame-address main pc 0',
      'frame-bounds main pc 0',
      'guards main pc 0',
      expect.stringMatching(/^termination main/),
    ]);
  });

  test('a loop that ends is fine', () => {
    const spec = asm('main:\nr6 = 1000\nl:\nr6 += -1\nif r6 != 0 goto l\nr0 = 0\nexit');
    expect(shown(judge(spec, 'linux-6.18'))).toEqual([]);
  });
});

async function withBody(text: string, program = 'main:\n*(u64 *)(r10 - 128) = 1\ncall bpf_ktime_get_ns\nr0 = 0\nexit') {
  const spec = lowered(asm(program, `helpers: { bpf_ktime_get_ns: { asm: ${JSON.stringify(text)} } }`))[0]!;
  const { bodies, issues } = await assembleBodies(spec.helpers);
  expect(issues).toEqual([]);
  return ['kernel-stack', 'linux-6.18'].map((policy) => judge(spec, policy, { bodies }));
}

describe('a helper body', () => {
  test.each([
    ['divides by zero', 'xor ecx, ecx; xor edx, edx; div ecx; ret', 'fault', 'a division error'],
    [
      'jumps into a guard page',
      'mov rax, 0xffffc90000104000; jmp rax',
      'fault',
      'an instruction fetch from 0xffffc90000104000',
    ],
    [
      'writes to one',
      'mov rax, 0xffffc900000ffff8; mov [rax], rax; ret',
      'fault',
      'a write to 0xffffc900000ffff8, which is not mapped',
    ],
    ['writes to code', 'lea rax, [rip]; mov [rax], rax; ret', 'fault', 'a write to 0xffffffff8180'],
    ['executes garbage', '.byte 0x0f, 0x0b; ret', 'fault', 'an invalid instruction'],
    ['executes int3', 'int3; ret', 'fault', 'a breakpoint'],
    ['halts', 'hlt; ret', 'fault', 'a halt'],
    ['never ends', 'l: jmp l', 'termination', 'the program has not ended'],
    ['follows a pointer that is none', 'mov rax, 0x8000000000000000; mov rax, [rax]; ret', 'fault', ''],
  ])('that %s', async (_, text, check, message) => {
    for (const report of await withBody(text)) {
      expect(shown(report)).toEqual([`${check} main pc 1`]);
      const [finding] = report.findings;
      expect(finding!.message).toContain(message);
      expect(finding!.message).toMatch(/, in the body of bpf_ktime_get_ns$/);
      expect(finding!.yaml).toMatchObject({ line: 9 });
    }
  });

  test('that returns is fine', async () => {
    for (const report of await withBody('mov r8, -1; mov r10, -1; mov r11, -1; mov rax, 7; ret')) {
      expect(shown(report)).toEqual([]);
    }
  });
});

describe('fault in the program', () => {
  test('is at its instruction', () => {
    const spec = asm('main:\nr1 = 1\nr0 = 0\nexit');
    const report = judge(spec, 'linux-6.18', { fault: patch({ in: 'main', text: /^mov edi/ }, [0xcc]) });
    expect(shown(report)).toEqual(['fault main pc 0']);
    expect(report.findings[0]).toMatchObject({ message: 'a breakpoint', want: 'a return to the caller' });
  });

  test('a wild access is frame-bounds first', () => {
    const report = judge(asm('main:\nr1 = 8\nr0 = *(u64 *)(r1 + 0)\nexit'), 'linux-6.18');
    expect(shown(report)).toEqual(['frame-bounds main pc 1', 'fault main pc 1']);
    expect(report.findings[1]!.message).toBe('a read of 0x0000000000000008, which is not mapped');
  });

  test('a lost return address', () => {
    const report = judge(asm('main:\nr0 = 0\nexit'), 'linux-6.18', { fault: patch({ in: 'main', text: /^leave$/ }) });
    expect(shown(report)[0]).toMatch(/^fault main/);
  });
});
