import { describe, expect, test } from '@jest/globals';
import { asm, type Fault, faults, judge, POP, PUSH, patch, scene, shown } from './testing';

const SPEC = asm(`
main:
  *(u64 *)(r10 - 128) = 7
  call bpf_ktime_get_ns
  call bpf_ktime_get_ns
  r0 = 0
  exit`);

const pushes = (nth: number): Fault => patch({ in: 'main', text: PUSH, nth });
const pops = (nth: number): Fault => patch({ in: 'main', text: POP, nth });

test.each(['kernel-stack', 'linux-6.18', 'subtree', 'unsaved'])('%s is balanced', (policy) => {
  expect(shown(judge(SPEC, policy))).toEqual([]);
});

describe('`leave` hides it at the exit, so it is seen before', () => {
  test.each<[string, Fault, string, string]>([
    ['F03: a push without its pop', pops(1), 'stack-balance main pc 2', 'the stack of main is off by 1 word'],
    ['two of them', faults(pops(1), pops(2)), 'stack-balance main pc 2', 'the stack of main is off by 1 word'],
    ['F04: a pop without its push', pushes(1), 'stack-balance main pc 2', 'the stack of main is off by 1 word'],
    ['the last pop', pops(2), 'stack-balance main pc 3', 'the stack of main is off by 1 word'],
  ])('%s', (_, fault, first, message) => {
    const report = judge(SPEC, 'linux-6.18', { fault });
    expect(shown(report)[0]).toBe(first);
    expect(report.findings[0]!.message).toBe(message);
    // A push from too far up overwrites the saved rbp.
    expect(shown(report).filter((each) => !/^(stack-balance|unwind)/.test(each))).toEqual([]);
  });

  test('two words', () => {
    const { findings } = judge(SPEC, 'linux-6.18', { fault: faults(pops(1), pops(2)) });
    expect(findings.map(({ message }) => message)).toContain('the stack of main is off by 2 words');
  });
});

test('a stack pointer above the return address leaves no activation, and is told', () => {
  const fault = patch({ in: 'main', text: /^call bpf_ktime/ }, [0x48, 0x83, 0xc4, 0x18, 0x90]);
  const { findings } = judge(SPEC, 'unsaved', { fault });
  expect(findings.map(({ check, message }) => `${check}: ${message}`)).toContain(
    'stack-balance: the stack pointer is above the return address of main',
  );
});

test('the caller gets another stack pointer back', () => {
  const fault = patch({ in: 'main', text: /^jmp its_return_thunk/ }, [0xc2, 0x08, 0x00]);
  const report = judge(SPEC, 'linux-6.18', { fault });
  expect(shown(report)).toEqual(['stack-balance main pc 4']);
  expect(report.findings[0]!.message).toBe('the caller gets another stack pointer back');
});

test('C code gets another one back from its callback', () => {
  const body = 'main:\nr1 = 1\nr2 = each ll\nr3 = r10\nr4 = 0\ncall bpf_loop\nr0 = 0\nexit\neach:\nr0 = 0\nexit';
  const fault = patch({ in: 'each', text: /^jmp its_return_thunk/ }, [0xc2, 0x08, 0x00]);
  const { findings } = judge(scene({ prog: { asm: body } }, '{ run: prog }'), 'linux-6.18', { fault });
  expect(findings.map(({ check, message }) => `${check}: ${message}`)).toEqual([
    'stack-balance: bpf_loop gets another stack pointer back',
  ]);
});
