import { describe, expect, test } from '@jest/globals';
import { policyNamed } from '../jit';
import { readCaptures } from '../jit/testing/captures';
import { answerExec } from './exec-requests';
import { answerLine } from './ndjson';

const runnable = readCaptures().filter(({ exec }) => exec !== undefined);

/** r0 and the context may not depend on a policy, as long as it is sound. All contexts under the kernel's own. */
describe.each([
  ['linux-6.18', Number.POSITIVE_INFINITY],
  ['kernel-stack', 1],
  ['linux-6.18-fixed', 1],
  ['subtree', 1],
  ['caller-add', 1],
  ['spill-slot', 1],
  ['reload', 1],
  ['callee-saved', 1],
] as const)('recorded results under %s', (name, contexts) => {
  test.each(runnable.map((capture) => [capture.name, capture] as const))('%s', (_name, { exec, prog_type }) => {
    const runs = exec!.runs.slice(0, contexts);
    const answer = answerExec({ name: 'p', prog_type, insns: exec!.insns, runs }, policyNamed(name)!);
    const results = exec!.results.slice(0, contexts);
    expect(answer.runs.map(({ retval, findings }) => ({ retval, findings }))).toEqual(
      results.map(({ retval }) => ({ retval, findings: [] })),
    );
    results.forEach(({ ctx }, i) => {
      if (ctx !== undefined) expect(answer.runs[i]!.ctx).toBe(ctx);
    });
  });
});

const ask = (request: object, policy = 'linux-6.18') =>
  JSON.parse(answerLine(JSON.stringify(request), (each) => answerExec(each, policyNamed(policy)!))!);

test('a policy that loses the frame pointer is found out', () => {
  const capture =
    runnable.find(({ name }) => name === 'call/helper-ktime_get_ns-priv') ??
    runnable.find(({ request }) => {
      return request.funcs.length > 1 && request.funcs.every(({ priv_frame_ptr }) => priv_frame_ptr !== null);
    })!;
  const { exec, prog_type } = capture;
  const { runs } = ask({ name: 'p', prog_type, insns: exec!.insns, runs: exec!.runs.slice(0, 1) }, 'unsaved');
  expect(runs[0].findings.length).toBeGreaterThan(0);
});

test('r0 is whole, retval its low half, the context as long as it was', () => {
  const insns = ['18000000efbeadde0000000001000000'.slice(0, 16), '0000000001000000', '9500000000000000'];
  expect(ask({ name: 'p', prog_type: 'SYSCALL', insns, runs: [{ ctx: '010203' }, { ctx: '' }] })).toEqual({
    name: 'p',
    runs: ['010203', ''].map((ctx) => ({ retval: 0xdeadbeef, r0: String(0x1deadbeefn), ctx, findings: [] })),
  });
});

test('a chain that needs more than 512 bytes of kernel stack runs', () => {
  const store = '7a0a00fe07000000';
  const insns = [store, '8510000001000000', '9500000000000000', store, 'b700000003000000', '9500000000000000'];
  expect(ask({ name: 'p', prog_type: 'RAW_TRACEPOINT', insns, runs: [{ ctx: '' }] }, 'kernel-stack').runs[0].r0).toBe(
    '3',
  );
});

describe('an arena', () => {
  // r1 = 4096 + 8; *(u64 *)(r1 + 0) = 7 probe_mem32; r0 = *(u64 *)(r1 + 0) probe_mem32; exit
  const insns = ['b701000008100000', 'ba01000007000000', 'b910000000000000', '9500000000000000'];
  const place = { arena_vm_start: '0xffffc9060954f000', arena_user_vm_start: '0x100000000' };
  const request = { name: 'p', prog_type: 'RAW_TRACEPOINT', verifier_insns: true, insns, ...place };

  test.each([
    [1, '0'],
    [2, '7'],
  ])('with %i pages', (arena_pages, r0) => {
    expect(ask({ ...request, arena_pages }).runs).toMatchObject([{ r0, findings: [] }]);
  });

  test.each([
    [{ verifier_insns: false }, /only the verifier makes this instruction/],
    [{ arena_pages: -1 }, /arena_pages: expected 0 to 256/],
    [{ arena_vm_start: '0xffffc90000100000' }, /arena_vm_start: expected an address from/],
    [{ arena_vm_start: '0xffffe7ff80000000' }, /arena_vm_start: expected an address from/],
    [{ arena_vm_start: '0xffffc90609540001' }, /expected multiples of 4096/],
    [{ arena_user_vm_start: '0x1fffff000', arena_pages: 2 }, /the pages cross a multiple of 4 GiB/],
    [{ arena_user_vm_start: undefined }, /arena_user_vm_start: expected an address/],
  ])('%j', (change, message) => {
    expect(ask({ ...request, ...change }).error).toMatch(message);
  });
});

test.each([
  ['odd context', { ctx: '123' }, /runs\[0\]\.ctx/],
  ['no hex', { ctx: 'xy' }, /runs\[0\]\.ctx/],
])('%s', (_name, run, message) => {
  const insns = ['b700000000000000', '9500000000000000'];
  expect(ask({ name: 'p', prog_type: 'SYSCALL', insns, runs: [run] }).error).toMatch(message);
});

/** `r2 = map 0; r3 = ...; call bpf_tail_call; r0 = 7; exit`, `r3` known or not. */
test.each([
  ['a known index', 'b703000000000000'],
  ['an index from the context', '6113000000000000'],
])('nothing is in an array of programs that nobody describes: %s', (_, r3) => {
  const insns = [
    '1812000000000000',
    '0000000000000000',
    r3,
    '850000000c000000',
    'b700000007000000',
    '9500000000000000',
  ];
  const { runs } = ask({ name: 'p', prog_type: 'KPROBE', insns, runs: [{ ctx: '0000000000000000' }] });
  expect(runs).toEqual([{ retval: 7, r0: '7', ctx: '0000000000000000', findings: [] }]);
});
