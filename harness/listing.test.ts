import { describe, expect, test } from '@jest/globals';
import { asm, judge } from './check/testing';

const PROGRAM = `
main:
  r1 = 42
  *(u64 *)(r10 - 256) = r1
  call bpf_ktime_get_ns
  if r0 == 0 goto out
  call sub
out:
  r0 = 0
  exit
sub:
  r0 = 1
  exit`;

const listed = (lines: readonly string[]) =>
  judge(
    asm(PROGRAM, `expect:\n  jited:\n    linux-6.18: |\n${lines.map((line) => `      ${line}`).join('\n')}`),
    'linux-6.18',
  );

/** Line of the first declared line. */
const FIRST = 22;

describe('a listing that matches', () => {
  test.each<[string, string[]]>([
    ['from the start', ['func #0:', 'nopl (%rax,%rax)', 'nopl (%rax)', 'pushq %rbp']],
    ['from anywhere', ['pushq %rbp', 'movq %rsp, %rbp']],
    ['with spaces as one likes', ['pushq   %rbp', '  movq %rsp,  %rbp  ']],
    ['patterns', ['movabsq $0x{{.*}}, %r9', 'addq %gs:{{.*}}, %r9', 'movl $0x2a, %edi', 'movq %rdi, -0x100(%r9)']],
    ['gaps', ['pushq %r9', 'callq {{.*}}', 'popq %r9', '...', 'pushq %r9', 'callq {{.*}}', 'popq %r9']],
    ['a gap of nothing', ['pushq %r9', '...', 'callq {{.*}}']],
    ['functions', ['func #0:', '...', 'func #1:', '...', 'movl $0x1, %eax']],
    ['labels', ['je L0', '...', 'L0: xorl %eax, %eax']],
    ['parts of lines', ['func #1', '...', 'movl $0x1']],
    ['blank lines', ['pushq %rbp', '', 'movq %rsp, %rbp']],
  ])('%s', (_, lines) => {
    expect(listed(lines)).toMatchObject({ verdict: 'holds', asDeclared: true, reason: null });
  });
});

describe('one that does not', () => {
  test.each<[string, string[], number, string]>([
    [
      'another line',
      ['pushq %rbp', 'subq $0x100, %rsp'],
      1,
      '`subq $0x100, %rsp` is declared, `movq %rsp, %rbp` comes',
    ],
    ['a line too few', ['movq %rsp, %rbp', 'addq %gs:{{.*}}, %r9'], 1, '`movabsq $0x'],
    ['the order', ['popq %r9', '...', 'movl $0x2a, %edi'], 2, '`movl $0x2a, %edi` is declared, it does not come'],
    ['what is nowhere', ['addq $0x50, %r9'], 0, 'it does not come'],
    ['behind the end', ['func #1:', '...', 'jmp {{.*}}', 'leave'], 3, '`leave` is declared, `the end` comes'],
    ['a dot is a dot', ['movq .rsp, %rbp'], 0, 'it does not come'],
    ['braces that are not closed', ['movq {{.*, %rbp'], 0, 'it does not come'],
  ])('%s', (_, lines, at, reason) => {
    const report = listed(lines);
    expect(report).toMatchObject({ verdict: 'holds', asDeclared: false });
    expect(report.reason).toContain(`the listing differs at test.yaml:${FIRST + at}: `);
    expect(report.reason).toContain(reason);
  });
});
