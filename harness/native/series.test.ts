import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { NativeInterpreter, Prot, Series, type SeriesInput, type SeriesProgram, type SeriesSetup } from './index';
import { CODE, call, Guest, HELPERS, RET, STACK, TOP } from './testing';

/** Where runs return to: helper 1. */
const STUB = HELPERS + 16n;
const CONTEXT = 0xffff888000000000n;
const AREAS = [0xffffe8fb10a00000n, 0xffffe8fb10b00000n] as const;
const CONTEXT_BYTES = 64;
const GUARD = 0xeb9f12345678eb9fn;

const SETUP: SeriesSetup = {
  cpus: [
    { rsp: TOP, area: AREAS[0], gsBase: 0x1000n },
    { rsp: TOP - 0x1000n, area: AREAS[1], gsBase: 0x2000n },
  ],
  stackBytes: 0x400,
  context: CONTEXT,
  contextBytes: CONTEXT_BYTES,
  guard: GUARD,
  rflags: 0x202n,
  stub: 1,
  junk: Uint8Array.from({ length: 1 << 15 }, (_, i) => (i * 31 + (i >> 8)) & 0xff),
};
const PROGRAM: SeriesProgram = {
  entry: CODE,
  areaBytes: 256,
  ownBytes: 128,
  guards: [16],
  calleeOf: [0, -1],
};
const INPUTS: readonly SeriesInput[] = [0, 1, 0].map((cpu, i) => ({
  cpu,
  seed: 7 * i,
  context: new Uint8Array(CONTEXT_BYTES).fill(0x11 * (i + 1)),
  returns: [BigInt(i)],
}));

/** r0 = *(u64 *)(r1 + 8); call helper 0 and add what it returns where `calls`; exit */
const bpf = (calls: boolean) => [
  ...(calls
    ? [
        { code: 0xbf, dst: 6, src: 1, off: 0, imm: 0 },
        { code: 0x85, dst: 0, src: 0, off: 0, imm: 1 },
        { code: 0x79, dst: 1, src: 6, off: 8, imm: 0 },
        { code: 0x0f, dst: 0, src: 1, off: 0, imm: 0 },
      ]
    : [{ code: 0x79, dst: 0, src: 1, off: 8, imm: 0 }]),
  { code: 0x95, dst: 0, src: 0, off: 0, imm: 0 },
];
/** mov rax, [rdi + 8] */
const LOAD = [0x48, 0x8b, 0x47, 0x08];
/** push rbx; mov rbx, rdi; call; add rax, [rbx + 8]; pop rbx */
const CALLS = [0x53, 0x48, 0x89, 0xfb, ...call(CODE + 4n, HELPERS), 0x48, 0x03, 0x43, 0x08, 0x5b];
/** mov rcx, address; mov byte [rcx], 0 */
const store = (address: bigint): number[] => {
  const bytes = new Uint8Array(BigUint64Array.of(address).buffer);
  return [0x48, 0xb9, ...bytes, 0xc6, 0x01, 0x00];
};

let guest: Guest;
let series: Series;
beforeEach(() => {
  guest = new Guest((emu) => {
    emu.map(CONTEXT, 0x1000, Prot.RW);
    for (const area of AREAS) emu.map(area, 0x1000, Prot.RW);
    emu.hookHelpers([HELPERS, STUB], { js: [false, true] });
    emu.onHelper(() => {
      throw new Error('nobody is to be asked');
    });
    emu.commonPolicy({ brief: true }).belowRsp = 16;
  });
  series = new Series(SETUP, new NativeInterpreter({ contextBase: CONTEXT, budget: 100 }));
});
afterEach(() => guest.emu.close());

/** How many of the inputs are right with this machine code. */
function done(code: readonly number[], calls = false, r9?: bigint): number {
  guest.code.fill(0xcc);
  guest.code.set(code);
  guest.emu.invalidate({ addr: CODE, size: guest.code.length });
  series.interpreter.load([{ insns: bpf(calls) }], () => 0, undefined);
  expect(series.load(PROGRAM)).toBe(true);
  expect(series.fill(INPUTS, () => r9)).toBe(true);
  guest.emu.runSeries(series);
  return series.done;
}

describe('a series', () => {
  test('of runs that are right is done to its end', () => {
    expect(done([...LOAD, RET])).toBe(INPUTS.length);
    expect(series.executed).toBe(2);
  });

  test('knows what helpers return, and that they were called', () => {
    expect(done([...CALLS, RET], true)).toBe(INPUTS.length);
    expect(guest.emu.events.count).toBe(1);
    // The same result without the call.
    expect(done([...LOAD, RET], true)).toBe(0);
    expect(done([...CALLS, RET], false)).toBe(0);
  });

  test('begins each run with what its input says', () => {
    // Twice: nothing is left of the first time.
    for (const _ of [1, 2]) expect(done([...LOAD, 0xc6, 0x47, 0x08, 0x11, RET])).toBe(1);
  });

  test('puts into r9 what it is told', () => {
    // push rbx; mov rbx, rdi; call; add rax, [rbx + 8]; add rax, r9; pop rbx
    const code = [0x53, 0x48, 0x89, 0xfb, ...call(CODE + 4n, HELPERS), 0x48, 0x03, 0x43, 0x08, 0x4c, 0x01, 0xc8, 0x5b];
    expect(done([...code, RET], true, 0n)).toBe(INPUTS.length);
    expect(done([...code, RET], true, 5n)).toBe(0);
  });

  test.each([
    ['another result', [0x31, 0xc0]],
    ['rbx', [...LOAD, 0x48, 0xff, 0xc3]],
    ['rbp', [...LOAD, 0x48, 0xff, 0xc5]],
    ['r12', [...LOAD, 0x49, 0xff, 0xc4]],
    ['r15', [...LOAD, 0x49, 0xff, 0xc7]],
    ['the context', [...LOAD, 0xc6, 0x47, 0x00, 0x05]],
    ['a guard', [...LOAD, ...store(AREAS[0] + 16n)]],
    ["another CPU's guard", [...LOAD, ...store(AREAS[1] + 16n)]],
    ["another CPU's memory", [...LOAD, ...store(AREAS[1] + 33n)]],
    ['a fault', [...LOAD, ...store(5n)]],
    ['a trap', [...LOAD, 0xcc]],
    ['no return', [0xeb, 0xfe]],
  ])('ends where something may be wrong: %s', (_, code) => {
    expect(done([...code, RET])).toBe(0);
    expect(done([...LOAD, RET])).toBe(INPUTS.length);
  });

  test('ends at the first that may be wrong', () => {
    // cmp byte [rdi], 0x33; jne +2; xor eax, eax
    expect(done([...LOAD, 0x80, 0x3f, 0x33, 0x75, 0x02, 0x31, 0xc0, RET])).toBe(2);
  });

  test('leaves its own CPU, and what is behind a program, alone', () => {
    expect(done([...LOAD, ...store(AREAS[1] + 130n), RET])).toBe(INPUTS.length);
  });
});

describe('what cannot be meant', () => {
  const refused = (change: () => void): void => {
    done([...LOAD, RET]);
    change();
    expect(() => guest.emu.runSeries(series)).toThrow('series: refused');
  };

  test.each<[string, Partial<SeriesSetup>]>([
    ['a context that is not mapped', { context: 0x5000n }],
    ['an area that is not mapped', { cpus: [SETUP.cpus[0]!, { ...SETUP.cpus[1]!, area: 0x5000n }] }],
    ['a stack that is not mapped', { cpus: [{ ...SETUP.cpus[0]!, rsp: STACK + 0x10n }, SETUP.cpus[1]!] }],
    ['a stub that is no helper', { stub: 2 }],
    ['little junk', { junk: new Uint8Array(512) }],
  ])('%s', (_, change) => {
    series = new Series({ ...SETUP, ...change }, series.interpreter);
    guest.code.set([...LOAD, RET]);
    series.interpreter.load([{ insns: bpf(false) }], () => 0, undefined);
    series.load(PROGRAM);
    series.fill(INPUTS, () => undefined);
    expect(() => guest.emu.runSeries(series)).toThrow('series: refused');
  });

  test('a guard that is not in the area', () => {
    refused(() => series.load({ ...PROGRAM, guards: [300] }));
  });

  test('no inputs', () => refused(() => series.fill([], () => undefined)));

  test('more than there is room for is not taken', () => {
    const many = Array.from({ length: 65 }, () => INPUTS[0]!);
    expect(series.fill(many, () => undefined)).toBe(false);
    expect(series.fill([{ ...INPUTS[0]!, context: new Uint8Array(257) }], () => undefined)).toBe(false);
    expect(series.fill([{ ...INPUTS[0]!, returns: new Array<bigint>(17).fill(0n) }], () => undefined)).toBe(false);
    expect(series.load({ ...PROGRAM, guards: new Array<number>(65).fill(16) })).toBe(false);
    expect(series.load({ ...PROGRAM, calleeOf: [16] })).toBe(false);
  });
});
