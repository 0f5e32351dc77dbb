import { beforeAll, describe, expect, test } from '@jest/globals';
import { REG } from '../native';
import { CODE, CONTEXT, ENTRY_RSP, PERCPU_OFFSET } from './placement';
import type { End } from './run';
import { type Both, both, caseOf, host, onHost, type Registers, UNSET } from './testing';

const group = host.ok ? describe : describe.skip;

/** What must end the same way on the CPU and in the emulator, with the same registers and memory. */
const ROWS: readonly (readonly [what: string, end: End, code: string, regs?: Registers])[] = [
  ['ret', 'returned', 'c3'],
  ['a 32-bit cmpxchg that fails', 'returned', 'f0 0f b1 0f c3', { rax: 0xaaaaaaaa00000001n }],
  ['mov rax, gs:[this_cpu_off]', 'returned', '65 48 8b 04 25 28 c0 b0 83 c3'],
  ['a load over the end of a mapping', 'fault', '48 8b 87 fc 0f 00 00 c3'],
  ['lock xadd over the end of a mapping', 'fault', 'f0 48 0f c1 8f fc 0f 00 00 c3'],
  ['a load from 0', 'fault', '48 8b 01 c3', { rcx: 0n }],
  ['a load from the kernel', 'fault', '48 8b 01 c3', { rcx: 0xffff888000000000n }],
  ['a load from an address that is not canonical', 'fault', '48 8b 01 c3', { rcx: 1n << 63n }],
  ['a push to an address that is not canonical', 'fault', '48 89 cc 50 c3', { rcx: 1n << 63n }],
  ['a store to code', 'fault', '48 89 09 c3', { rcx: CODE }],
  ['a cmpxchg of code that fails', 'fault', 'f0 0f b1 0e c3', { rax: 1n, rsi: CODE }],
  ['a jump to data', 'fault', 'ff e7'],
  ['rep stosb until the end of a mapping', 'fault', 'f3 aa c3', { rcx: 0x1010n }],
  ['division by 0', 'divide error', '31 c9 48 f7 f1 c3'],
  ['the smallest number by -1', 'divide error', '48 f7 f9 c3', { rax: 1n << 63n, rdx: -1n, rcx: -1n }],
  ['ud2', 'invalid instruction', '0f 0b'],
  ['int3', 'breakpoint', 'cc'],
];

group(onHost('on the CPU and in the emulator'), () => {
  let results: readonly Both[] = [];
  beforeAll(() => {
    results = both(ROWS.map(([, , code, regs]) => caseOf(code, regs)));
  });

  test.each(ROWS.map(([what, end], i) => ({ what, end, i })))('$what: $end', ({ end, i }) => {
    expect(results[i]!.differences).toEqual([]);
    expect(results[i]!.host.end).toBe(end);
  });

  test('the registers come in and go out, each its own', () => {
    const regs = { rax: 1n, rcx: 2n, rdx: 3n, rbx: 4n, rbp: 5n, rsi: 6n, r8: 8n, r9: 9n, r10: 10n, r11: 11n };
    const [result] = both([caseOf('c3', { ...regs, r12: 12n, r13: 13n, r14: 14n, r15: 15n })]);
    const want = [1n, 2n, 3n, 4n, ENTRY_RSP + 8n, 5n, 6n, CONTEXT.address, 8n, 9n, 10n, 11n, 12n, 13n, 14n, 15n];
    expect([...result!.host.regs]).toEqual(want);
  });

  test('GS has the per-CPU offset, and a page fault its address', () => {
    expect(results[2]!.host.regs[REG.rax]).toBe(PERCPU_OFFSET);
    expect(results[5]!.host.address).toBe(0n);
    expect(results[6]!.host.address).toBe(0xffff888000000000n);
  });
});

group(onHost('the process that runs the code'), () => {
  test('ends a run that does not end', () => {
    const { host } = both([caseOf('eb fe')])[0]!;
    expect(host).toMatchObject({ end: 'endless', because: 'SIGVTALRM after 0.3 s', address: null });
  });

  test('says nothing of an address where none was touched, also behind a run that ended in a fault', () => {
    const loadFrom0 = caseOf('48 8b 01 c3', { rcx: 0n });
    const results = both([loadFrom0, caseOf('eb fe'), loadFrom0, caseOf('b8 27 00 00 00 0f 05 c3')]);
    expect(results.map((each) => each.host.address)).toEqual([0n, null, 0n, null]);
  });

  test('makes no system call for it', () => {
    // mov eax, getpid; syscall; ret
    expect(both([caseOf('b8 27 00 00 00 0f 05 c3')])[0]!.host.end).toBe('system call');
  });

  test('may be taken along by a run: that is its result, and the next ones have theirs', () => {
    // mov eax, exit_group; mov edi, 7; syscall
    const exits = caseOf('b8 e7 00 00 00 bf 07 00 00 00 0f 05 c3');
    const results = both([caseOf('31 c0 c3'), exits, caseOf('31 c9 c3')]);
    expect(results.map((each) => [each.host.end, each.host.because])).toEqual([
      ['returned', 'returned'],
      ['died', 'exit 7'],
      ['returned', 'returned'],
    ]);
    expect([results[0]!.host.regs[REG.rax], results[2]!.host.regs[REG.rcx]]).toEqual([0n, 0n]);
    expect(results[2]!.host.regs[REG.rax]).toBe(UNSET);
  });
});
