import { describe, expect, test } from '@jest/globals';
import { policyNamed } from '../jit';
import { type Capture, readCaptures } from '../jit/testing/captures';
import { answerJit } from './jit-requests';
import { answerLine } from './ndjson';

const policy = policyNamed('linux-6.18')!;
const ask = (request: object) => JSON.parse(answerLine(JSON.stringify(request), (each) => answerJit(each, policy))!);

const captures = readCaptures().map((capture) => [capture.name, capture] as const);

type Reloc = Capture['want'][number]['relocs'][number];
const place = ({ off, size, kind, target }: Reloc) => ({ off, size, kind, target });

test.each(captures)('request of %s', (name, { request, want }) => {
  const answer = ask({ ...request, name });
  expect(answer.funcs).toEqual(want.map(({ bytes }) => bytes));
  const sure = want.map(({ relocs }) => relocs.filter(({ kind }) => !kind.startsWith('maybe')).map(place));
  expect(answer.relocs.map((relocs: Reloc[]) => relocs.map(place))).toEqual(sure);
});

const whole = captures.filter(([, { exec }]) => exec !== undefined);

test.each(whole)('whole program of %s: what the verifier decides', (name, { request, exec, prog_type }) => {
  const answer = ask({ name, prog_type, insns: exec!.insns });
  expect(answer.analysis).toEqual(
    request.funcs.map(({ insns: _insns, priv_frame_ptr, ...facts }) => {
      const { stack_depth, is_subprog, tail_call_reachable, exception_boundary, exception_cb } = facts;
      const rest = { is_subprog, tail_call_reachable, exception_boundary, exception_cb };
      return { stack_depth, private: priv_frame_ptr !== null, ...rest };
    }),
  );
});

test('whole programs at given addresses have the bytes of the kernel, but for dead code', () => {
  const equal = whole.filter(([name, { request, exec, prog_type, want }]) => {
    const priv_frame_ptrs = request.funcs.map(({ priv_frame_ptr }) => priv_frame_ptr);
    const answer = ask({ name, prog_type, insns: exec!.insns, ksyms: request.ksyms, priv_frame_ptrs });
    return want.every(({ bytes }, i) => answer.funcs[i] === bytes);
  });
  // 20 of the 303 lost code that the verifier knew to be dead: jit/rewrite/rewrite.test.ts names them.
  expect(equal).toHaveLength(whole.length - 20);
});

describe('bad requests', () => {
  const insns = (...list: string[]) => ({ name: 'bad', prog_type: 'KPROBE', insns: list });
  const exit = '9500000000000000';
  const rows: readonly [string, object, RegExp][] = [
    ['odd number of digits', insns('b70000000000000'), /^0: .*odd number/],
    ['no hex', insns('zz00000000000000'), /^0: .*not a hexadecimal digit/],
    ['unknown opcode', insns('ff00000000000000', exit), /^0: .*unknown opcode 0xff/],
    ['reserved field', insns('9500010000000000'), /^0: .*reserved field `off`/],
    ['jump out', insns('0500100000000000', exit), /^0: goto \+16: .*outside/],
    ['jump into ld_imm64', insns('0500010000000000', '1801000000000000', '0000000000000000', exit), /into the middle/],
    ['r11', insns('bf0b000000000000', exit), /^0: .*r11/],
    ['write to r10', insns('b70a000001000000', exit), /^0: r10 = 1: .*read only/],
    ['falls off the end', insns('b700000000000000'), /^0: r0 = 0: .*falls off the end/],
    ['unknown helper', insns('850000006f270000', exit), /^0: call 10095: unknown helper/],
    ['no instruction', insns(), /empty/],
    ['nothing to compile', { name: 'bad' }, /funcs: expected/],
    ['unknown type', { ...insns('b700000000000000', exit), prog_type: 'KPROB' }, /prog_type: .*KPROB/],
    ['recursion', insns('8510000001000000', exit, '85100000ffffffff', exit), /recursive call/],
    [
      'an address over 64 bits',
      { ...insns('b700000000000000', exit), ksyms: ['99999999999999999999'] },
      /ksyms: expected an address/,
    ],
    ['no list', { name: 'bad', insns: 'b7' }, /insns: expected a list/],
    ['wrong facts', { name: 'bad', funcs: [{ insns: [exit], stack_depth: -1 }] }, /funcs\[0\]\.stack_depth/],
  ];
  test.each(rows)('%s', (_name, request, message) => {
    const { name, error } = ask(request);
    expect(name).toBe('bad');
    expect(error).toMatch(message);
  });

  test('a line that is no JSON has no name; a blank one has no answer', () => {
    const answer = (line: string) => answerLine(line, (each) => answerJit(each, policy));
    expect(JSON.parse(answer('{')!)).toEqual({ name: null, error: expect.stringContaining('no JSON') });
    expect(JSON.parse(answer('[]')!)).toEqual({ name: null, error: 'expected an object' });
    expect(answer('  ')).toBeUndefined();
  });
});

test('under another layout frames are planned anew', () => {
  const capture = captures.find(([, { request }]) => request.funcs[0]!.priv_frame_ptr !== null)![1];
  const plain = answerJit({ ...capture.request }, policyNamed('kernel-stack')!);
  expect(plain.relocs.flat().map(({ kind }) => kind)).not.toContain('percpu_priv_frame');
});

test('a whole program with an arena has its base in r12, and its probing accesses', () => {
  const request = { name: 'a', prog_type: 'RAW_TRACEPOINT', insns: ['b910000000000000', '9500000000000000'] };
  const place = { arena_vm_start: '0xffffc9060954f000', arena_user_vm_start: '0x100000000' };
  expect(ask(request).error).toMatch(/only the verifier makes/);
  // push r12; movabs r12, base; mov rax, [rdi + r12 + 0]
  const { funcs } = ask({ ...request, ...place, verifier_insns: true });
  expect(funcs[0]).toContain('415449bc00f0540906c9ffff4a8b442700');
});
