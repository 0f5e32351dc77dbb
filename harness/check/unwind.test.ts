import { describe, expect, test } from '@jest/globals';
import { asm, type Fault, judge, lowered, patch, scene, shown } from './testing';

const SPEC = asm(`
main:
  *(u64 *)(r10 - 128) = 7
  call sub
  r0 = 0
  exit
sub:
  r6 = r10
  *(u64 *)(r10 - 64) = 7
  *(u64 *)(r6 - 16) = 7
  r0 = 0
  exit`);

const NOP3 = /^nop dword ptr \[rax\]$/;

describe('T1: at every instruction', () => {
  test.each<[string, string, Fault, string, string]>([
    [
      'rbp is lost in the prologue',
      'linux-6.18',
      patch({ in: 'sub', text: NOP3 }, [0x48, 0x31, 0xed]),
      'unwind sub',
      'rbp is not the frame of sub',
    ],
    [
      'rbp is switched to private memory',
      'linux-6.18',
      patch({ in: 'sub', text: /^mov rbp, rsp$/ }, [0x4c, 0x89, 0xcd]),
      'unwind sub',
      'rbp is not the frame of sub',
    ],
    [
      'rbp is never set',
      'linux-6.18',
      patch({ in: 'main', text: /^mov rbp, rsp$/ }),
      'unwind main pc 0',
      'rbp is not the frame of main',
    ],
    [
      'rbp is changed before it is saved',
      'linux-6.18',
      patch({ in: 'main', text: NOP3 }, [0x54, 0x5d]),
      'unwind main',
      'rbp is not the frame of main',
    ],
    [
      'the saved rbp is overwritten',
      'kernel-stack',
      patch({ in: 'sub', text: /^mov qword ptr \[rbx-0x10\]/ }, [0x48, 0xc7, 0x43, 0x00, 7, 0, 0, 0]),
      'unwind sub pc 2',
      'a store overwrites the saved rbp of sub',
    ],
    [
      'the return address is overwritten',
      'kernel-stack',
      patch({ in: 'sub', text: /^mov qword ptr \[rbx-0x10\]/ }, [0x48, 0xc7, 0x43, 0x08, 7, 0, 0, 0]),
      'unwind sub pc 2',
      'a store overwrites the return address of sub',
    ],
  ])('%s', (_, policy, fault, first, message) => {
    const report = judge(SPEC, policy, { fault });
    expect(shown(report)).toContain(first);
    expect(report.findings.find(({ check }) => check === 'unwind')!.message).toBe(message);
  });

  test('it comes first where nothing uses the frame', () => {
    const fault = patch({ in: 'sub', text: /^mov rbp, rsp$/ });
    expect(shown(judge(SPEC, 'linux-6.18', { fault }))[0]).toBe('unwind sub pc 0');
  });
});

const TRACED = 'main 128\n  g 64 global\n    bpf_ktime_get_ns\n  bpf_ktime_get_ns';

describe('the frames can be walked', () => {
  test.each<[string, string]>([
    [
      'through trampolines',
      scene(
        { prog: { tree: TRACED }, t: { type: 'tracing', tree: 'tracer 64\n  bpf_ktime_get_ns' } },
        '{ fentry: prog.g, run: t }, { fexit: prog.g, run: t }, { run: prog }',
      ),
    ],
    [
      'in an extension',
      scene(
        { prog: { tree: TRACED }, e: { type: 'ext', tree: 'ext 64\n  bpf_ktime_get_ns' } },
        '{ replace: prog.g, with: e }, { run: prog }',
      ),
    ],
    [
      'in an exception callback',
      scene(
        { prog: { asm: 'main:\nr6 = 1\ncall sub\nr0 = 0\nexit\nsub:\nr1 = 16\ncall bpf_throw\nr0 = 0\nexit' } },
        '{ run: prog }',
      ),
    ],
    [
      'in what interrupts every instruction',
      scene(
        { prog: { tree: TRACED }, i: { type: 'raw_tracepoint', tree: 'irq 64\n  bpf_ktime_get_ns' } },
        '{ interrupt: every instruction of prog.g, run: i }, { interrupt: every instruction of prog.main, run: i }, { run: prog }',
      ),
    ],
  ])('%s', (_, spec) => {
    for (const { policy } of lowered(spec)[0]!.cases) {
      const checks = judge(spec, policy as string).findings.map(({ check }) => check);
      expect([policy, checks.filter((check) => check === 'unwind')]).toEqual([policy, []]);
    }
  });
});
