import { afterEach, describe, expect, test } from '@jest/globals';
import { Model } from './index';
import { CODE, call, Guest, HELPERS, RET, STOP, TOP } from './testing';

const STUB = HELPERS + 16n;
/** A counter, and behind it a time. */
const SLOTS = TOP - 0x1000n;

let guest: Guest;
afterEach(() => guest.emu.close());

/** A machine in which what is called at HELPERS has a native model, and nobody else is asked. */
function machine(model: Model): Guest {
  guest = new Guest((emu) => {
    emu.hookHelpers([HELPERS, STUB], { js: [true, true] });
    emu.onHelper(() => {
      throw new Error('nobody is to be asked');
    });
    emu.commonPolicy().belowRsp = 16;
  });
  guest.emu.nativeModels([{ helper: 0, model, stub: 1 }]);
  return guest;
}

const word = (at: bigint): bigint => new DataView(guest.emu.readBytes(at, 8)!.buffer).getBigUint64(0, true);
const put = (at: bigint, value: bigint): boolean =>
  guest.emu.writeBytes(at, new Uint8Array(BigUint64Array.of(value).buffer));

describe('timed may_goto in native code', () => {
  const KEPT = { rax: 1n, rdi: 2n, rsi: 3n, rdx: 4n, rcx: 5n, r8: 6n, rbx: 7n, r15: 8n } as const;

  test.each([
    ['an address', Model.MAY_GOTO, { r10: SLOTS, rbp: 9n }],
    ['an offset from rbp', Model.MAY_GOTO_RBP, { r10: -24n, rbp: SLOTS + 24n }],
  ] as const)('%s: the first call notes the time, and grants rounds', (_, model, regs) => {
    machine(model);
    put(SLOTS + 8n, 0n);
    const offset = { ...regs, r10: BigInt.asUintN(64, regs.r10) };
    expect(guest.run([...call(CODE, HELPERS), RET], { ...KEPT, ...offset })).toMatchObject({ kind: 'ok' });
    expect([guest.reg('r10'), word(SLOTS + 8n), guest.reg('rbp')]).toEqual([0xffffn, 1_001_000_000n, regs.rbp]);
    for (const [name, value] of Object.entries(KEPT)) {
      expect([name, guest.reg(name as keyof typeof KEPT)]).toEqual([name, value]);
    }
    expect([guest.reg('r9') >> 62n, guest.reg('r11') >> 62n]).toEqual([1n, 1n]);
  });

  test.each([
    [1n, 0n],
    [751_000_000n, 0n],
    [751_000_001n, 0xffffn],
  ])('started at %i: 250 ms are the most', (started, granted) => {
    machine(Model.MAY_GOTO);
    put(SLOTS + 8n, started);
    expect(guest.run([...call(CODE, HELPERS), RET], { r10: SLOTS })).toMatchObject({ kind: 'ok' });
    expect([guest.reg('r10'), word(SLOTS + 8n)]).toEqual([granted, started]);
  });

  test('a time that lands where a register is saved comes back in it', () => {
    machine(Model.MAY_GOTO);
    // rsp in the thunk is TOP - 8; rbp is saved first, then rax.
    expect(guest.run([...call(CODE, HELPERS), RET], { rax: 0n, r10: TOP - 8n - 16n - 8n })).toMatchObject({
      kind: 'ok',
    });
    expect(guest.reg('rax')).toBe(1_001_000_000n);
  });
});

describe('bpf_throw in native code', () => {
  const CALLBACK = CODE + 0x100n;
  const SUB = CODE + 0x80n;
  /** push rbp; mov rbp, rsp */
  const ENTER = [0x55, 0x48, 0x89, 0xe5];
  /** main calls a subprog, which throws; the callback returns the cookie from main's frame. */
  const code = (): number[] => {
    const bytes = new Array<number>(0x200).fill(0xcc);
    bytes.splice(0, 9, ...ENTER, ...call(CODE + 4n, SUB));
    bytes.splice(0x80, 9, ...ENTER, ...call(SUB + 4n, HELPERS));
    // mov rax, rdi; mov rsp, rdx; pop rbp; ret
    bytes.splice(0x100, 8, 0x48, 0x89, 0xf8, 0x48, 0x89, 0xd4, 0x5d, RET);
    return bytes;
  };
  const functions = (boundary: boolean) => [
    { lo: CODE, hi: CODE + 0x40n, boundary },
    { lo: SUB, hi: SUB + 9n, boundary: false },
  ];

  test('hands the frame of the boundary to the callback', () => {
    machine(Model.THROW).emu.nativeThrow({ callback: CALLBACK, functions: functions(true) });
    expect(guest.run(code(), { rdi: 0xc0ffeen, rbp: 5n })).toMatchObject({ kind: 'ok', rip: STOP });
    expect([guest.reg('rax'), guest.reg('rbp'), guest.reg('rsp')]).toEqual([0xc0ffeen, 5n, TOP + 8n]);
    // rsp of main when it made the call.
    expect([guest.reg('rsi'), guest.reg('rdx')]).toEqual([TOP - 8n, TOP - 8n]);
  });

  test.each([
    ['without a boundary', functions(false)],
    ['out of code that is no program', functions(true).slice(0, 1)],
  ])('%s it ends the run', (_, passed) => {
    machine(Model.THROW).emu.nativeThrow({ callback: CALLBACK, functions: passed });
    expect(guest.run(code(), { rdi: 1n })).toMatchObject({ kind: 'stopped' });
  });

  test('passes 64 functions at most', () => {
    const many = Array.from({ length: 65 }, () => functions(true)[0]!);
    expect(() => machine(Model.THROW).emu.nativeThrow({ callback: 0n, functions: many })).toThrow('nativeThrow');
  });
});
