import { describe, expect, test } from '@jest/globals';
import { asm, type Fault, faults, judge, LOAD, NEXT_CPU, POP, PUSH, patch, planned, shift, shown } from './testing';

/** Line 7 is `main:`, so the instruction at pc n of main is in line 8 + n. */
const HELPER = asm(`
main:
  *(u64 *)(r10 - 128) = 7
  call bpf_ktime_get_ns
  r0 = *(u64 *)(r10 - 128)
  exit`);

const NESTED = asm(`
main:
  *(u64 *)(r10 - 64) = 7
  call sub
  r0 = *(u64 *)(r10 - 64)
  exit
sub:
  *(u64 *)(r10 - 128) = 9
  r0 = 0
  exit`);

const COPY = asm(`
main:
  *(u64 *)(r10 - 128) = 7
  call bpf_ktime_get_ns
  r1 = r10
  r0 = 0
  exit`);

const SUM = COPY.replace('r1 = r10', 'r1 = -8\n        r1 += r10');
const STORED = COPY.replace('r1 = r10', 'r6 = map[m][0] ll').replace(
  'r0 = 0',
  '*(u64 *)(r6 + 0) = r10\n        r0 = 0',
);
const MAP = 'maps: { m: { size: 8 } }';

/** Neither push nor pop around the first call of main. */
const unwrapped: Fault = faults(patch({ in: 'main', text: PUSH }), patch({ in: 'main', text: POP }));

describe('a frame pointer that a call destroys', () => {
  test.each([
    ['a load', HELPER, 'frame-address main pc 2'],
    ['a copy', COPY, 'frame-address main pc 2'],
    ['a sum', SUM, 'frame-address main pc 3'],
    ['a store of it', STORED + MAP, 'frame-address main pc 4'],
  ])('%s shows it', (_, spec, want) => {
    const report = judge(spec, 'unsaved');
    expect(shown(report)[0]).toBe(want);
    expect(report.findings[0]).toMatchObject({
      message: 'the frame of main is not where it belongs',
      culprit: expect.stringMatching(/^`call bpf_ktime_get_ns` at main pc 1 \+0x\w+ left 0x\w{16} in r9$/),
      consequence: false,
    });
    expect(shown(judge(spec, 'linux-6.18'))).toEqual([]);
  });

  test.each(['linux-6.18', 'subtree'])('so it is under %s without push and pop', (policy) => {
    const report = judge(HELPER, policy, { fault: unwrapped });
    expect(shown(report)[0]).toBe('frame-address main pc 2');
    expect(report.findings[0]!.yaml).toMatchObject({ file: 'test.yaml', line: 10 });
  });

  test('or when another register is saved: F05, F06', () => {
    const rex = faults(patch({ in: 'main', text: PUSH }, [0x90, 0x51]), patch({ in: 'main', text: POP }, [0x90, 0x59]));
    const r10 = patch({ in: 'main', text: POP }, [0x41, 0x5a]);
    for (const fault of [rex, r10]) {
      expect(shown(judge(HELPER, 'linux-6.18', { fault }))[0]).toBe('frame-address main pc 2');
    }
  });

  test('is nobody to blame before the call', () => {
    const report = judge(HELPER, 'linux-6.18', { fault: shift({ in: 'main', text: LOAD }, 8, 16) });
    expect(shown(report)[0]).toBe('frame-address main pc 0');
    expect(report.findings[0]!.culprit).toMatch(/^`add r9, .*` at main prologue/);
  });
});

test('the frame pointer of a subprog is not that of its caller: under subtree the caller needs its pop', () => {
  const report = judge(NESTED, 'subtree', { fault: unwrapped });
  expect(shown(report)[0]).toBe('frame-address main pc 2');
  expect(report.findings[0]!.culprit).toMatch(/^`add r9, .*` at sub prologue/);
});

describe('a frame pointer that is made of a wrong one', () => {
  const HANDED = "the callee's addition is not where it went wrong";
  const NO_ROOT = `
main:
  call sub
  r0 = 0
  exit
sub:
  *(u64 *)(r10 - 64) = 1
  r0 = 0
  exit
cb:
  *(u64 *)(r10 - 112) = 1
  call sub
  r0 = 0
  exit`;

  test(`of a helper: ${HANDED}`, () => {
    const helper = NO_ROOT.replace('main:', 'main:\n  call bpf_ktime_get_ns\n  r1 = cb ll');
    const { culprit } = judge(asm(helper), 'subtree').findings[0]!;
    expect(culprit).toMatch(
      /^`add r9, 0x40` at sub prologue .* from what `call bpf_ktime_get_ns` at main pc 0 .* left$/,
    );
  });

  test(`of the caller: ${HANDED}`, () => {
    const { culprit } = judge(asm(NO_ROOT.replace('r0 = 0', 'r1 = cb ll')), 'subtree').findings[0]!;
    expect(culprit).toMatch(/^`add r9, 0x40` at sub prologue .* from what was there at the entry$/);
  });
});

test.each([
  ['of the other function', 'fp(sub)', 'frame-address main pc 2'],
  ['of the other CPU', '"fp(main, cpu 1)"', 'cpu-isolation main pc 2'],
  ['that is right', 'fp(main)', undefined],
  ['off by a word', 'fp(main) + 8', 'frame-address main pc 2'],
])('a helper leaves a frame pointer %s', (_, term, want) => {
  const spec = NESTED.replace('call sub', 'call bpf_ktime_get_ns').replace('exit', 'call sub\n        exit');
  const report = judge(`${spec}clobbers: { bpf_ktime_get_ns: [{ r9: ${term} }] }`, 'unsaved');
  expect(shown(report)[0]).toBe(want);
});

describe('where the plan has the same mistake', () => {
  /** The address that a function loads, and the plan, both moved. */
  const moved = (fn: string, by: bigint, text = LOAD): Fault =>
    faults(
      shift({ in: fn, text }, 8, by),
      planned(fn, (offset) => offset + Number(by)),
    );
  const distance = 128n + 16n;

  test.each<[string, Fault, string, string]>([
    ['frames overlap', moved('sub', -distance), 'sub', "overlaps a caller's that is still alive"],
    ['frames overlap by a word', moved('sub', -24n), 'sub', "overlaps a caller's that is still alive"],
    ['a frame reaches over its guard', moved('main', 8n), 'main', 'lies in the upper guard of block(main) on CPU 0'],
    ['a frame is too low', moved('main', -8n), 'main', 'lies partly below the block(main) on CPU 0'],
    ['a frame is on the wrong CPU', moved('main', NEXT_CPU), 'main', 'lies in the block(main) on CPU 1'],
    ['a frame is nowhere', moved('main', 0x10000000n), 'main', 'lies in no region'],
  ])('%s', (_, fault, subprog, message) => {
    const report = judge(NESTED, 'linux-6.18', { fault });
    const found = report.findings.find(({ check }) => check === 'frame-address');
    expect(found).toMatchObject({ subprog, bpfPc: 0, message: `the frame of ${subprog} ${message}` });
  });

  test('frames that only touch do not overlap', () => {
    expect(shown(judge(NESTED, 'subtree'))).toEqual([]);
  });
});

test('one place for each activation: it moves back to where it belongs', () => {
  const spec = `${HELPER}clobbers: { bpf_ktime_get_ns: [{ r9: fp(main) }] }`;
  const { findings } = judge(spec, 'unsaved', { fault: shift({ in: 'main', text: LOAD }, 8, -8) });
  const messages = findings.filter(({ check }) => check === 'frame-address').map(({ message }) => message);
  expect(messages).toEqual(['the frame of main is not where it belongs', 'the frame of main has moved']);
});
