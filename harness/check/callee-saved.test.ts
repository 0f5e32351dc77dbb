import { describe, expect, test } from '@jest/globals';
import { asm, type Fault, faults, judge, patch, scene, shown } from './testing';

const SPEC = asm(`
main:
  r6 = 1
  r7 = 2
  r8 = 3
  r9 = 4
  *(u64 *)(r10 - 128) = r6
  call sub
  r0 = 0
  exit
sub:
  r6 = 5
  r0 = 0
  exit`);

const pop = (register: string, bytes: number[] = []): Fault =>
  patch({ in: 'main', text: new RegExp(`^pop ${register}$`), role: 'epilogue' }, bytes);

test.each(['kernel-stack', 'linux-6.18', 'subtree'])('%s keeps them', (policy) => {
  expect(shown(judge(SPEC, policy))).toEqual([]);
});

test.each<[string, Fault, string[]]>([
  ['a pop is missing: all that come after it are shifted', pop('r15'), ['rbx', 'r13', 'r14', 'r15']],
  ['the last pop is missing', pop('rbx'), ['rbx']],
  ['two are exchanged', faults(pop('r15', [0x41, 0x5e]), pop('r14', [0x41, 0x5f])), ['r14', 'r15']],
])('%s', (_, fault, registers) => {
  const report = judge(SPEC, 'linux-6.18', { fault });
  expect(report.findings.map(({ check, message }) => `${check} ${message}`)).toEqual(
    registers.map((register) => `callee-saved ${register} is not what the caller had`),
  );
  expect(report.findings[0]).toMatchObject({ subprog: 'main', bpfPc: 7, yaml: { line: 15 } });
});

test('it tells who wrote the register last', () => {
  const { findings } = judge(SPEC, 'linux-6.18', { fault: pop('rbx') });
  expect(findings[0]!.culprit).toMatch(/^`pop rbx` at sub pc 2 \+0x\w+ left 0x0{15}1 in rbx$/);
});

test('a subprog that does not restore its caller’s r6 is told where it returns', () => {
  const spec = `${SPEC.replace('r0 = 0', 'r0 = r6')}expect: { retval: 1 }`;
  const fault = patch({ in: 'sub', text: /^pop rbx$/ });
  expect(shown(judge(spec, 'linux-6.18'))).toEqual([]);
  expect(shown(judge(spec, 'linux-6.18', { fault }))).toEqual(['callee-saved sub pc 2', 'retval', 'interpreter']);
});

const CALLEE = `
main:
  r6 = 1
  *(u64 *)(r10 - 128) = r6
  call g
  r0 = 0
  exit
.global g
g:
  r6 = 5
  call bpf_ktime_get_ns
  r0 = 0
  exit`;
const LOOP = `
main:
  r1 = 2
  r2 = g ll
  r3 = r10
  r4 = 0
  call bpf_loop
  r0 = 0
  exit
g:
  r6 = r1
  call bpf_ktime_get_ns
  r0 = 0
  exit`;
const OTHER = 'g:\n  r6 = 9\n  r0 = 0\n  exit';

/** Each of them where a program is entered, or returns to, in another way. */
describe.each<[string, string, string]>([
  ['a subprog', scene({ prog: { asm: CALLEE } }, '{ run: prog }'), 'main'],
  ['a callback', scene({ prog: { asm: LOOP } }, '{ run: prog }'), 'bpf_loop'],
  [
    'a program that interrupts',
    scene(
      { prog: { tree: 'main 128\n  bpf_ktime_get_ns' }, g: { type: 'raw_tracepoint', asm: OTHER } },
      '{ interrupt: every instruction of prog.main, run: g }, { run: prog }',
    ),
    'an interrupt',
  ],
  [
    'an extension',
    scene(
      { prog: { asm: CALLEE.replace('r6 = 5', '') }, e: { type: 'ext', asm: OTHER.replace('g:', 'ext:') } },
      '{ replace: prog.g, with: e }, { run: prog }',
    ),
    'main',
  ],
  [
    'a subprog that is traced',
    scene({ prog: { asm: CALLEE } }, '{ fentry: prog.g }, { fexit: prog.g }, { run: prog }'),
    'the trampoline of prog.g',
  ],
])('%s', (_, spec, who) => {
  test.each(['kernel-stack', 'linux-6.18', 'spill-slot'])('keeps them under %s', (policy) => {
    for (const cpu of [0, 1]) expect(shown(judge(spec, policy, { cpu }))).toEqual([]);
  });

  test.each(['kernel-stack', 'linux-6.18'])('loses r6 under %s', (policy) => {
    const fault = patch({ in: spec.includes('ext:') ? 'ext' : 'g', text: /^pop rbx$/ });
    const { findings } = judge(spec, policy, { fault });
    expect(findings.map(({ check, message }) => `${check} ${message}`)).toEqual([
      `callee-saved rbx is not what ${who} had`,
    ]);
    expect(findings[0]!.culprit).toMatch(/^`mov (ebx|rbx), \w+` at /);
  });
});
