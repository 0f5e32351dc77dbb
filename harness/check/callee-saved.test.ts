import { expect, test } from '@jest/globals';
import { asm, type Fault, faults, judge, patch, shown } from './testing';

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
  expect(report.findings[0]).toMatchObject({ subprog: null, bpfPc: null, yaml: null });
});

test('it tells who wrote the register last', () => {
  const { findings } = judge(SPEC, 'linux-6.18', { fault: pop('rbx') });
  expect(findings[0]!.culprit).toMatch(/^`pop rbx` at sub pc 2 \+0x\w+ left 0x0{15}1 in rbx$/);
});

test('a subprog that does not restore its caller’s r6 is seen by who uses it', () => {
  const spec = `${SPEC.replace('r0 = 0', 'r0 = r6')}expect: { retval: 1 }`;
  const fault = patch({ in: 'sub', text: /^pop rbx$/ });
  expect(shown(judge(spec, 'linux-6.18'))).toEqual([]);
  expect(shown(judge(spec, 'linux-6.18', { fault }))).toEqual(['retval']);
});
