import { afterEach, describe, expect, test } from '@jest/globals';
import { Model, REG } from './index';
import { CODE, call, Guest, HELPERS, le, RET, TOP } from './testing';

const STUB = HELPERS + 16n;
const BODY = CODE + 0x100n;

let guest: Guest;
afterEach(() => guest.emu.close());

/** Calls the helper as bpf_loop(count, body, context, flags), and counts the body's bytes in the code at BODY. */
function loop(body: readonly number[], count: bigint, flags = 0n) {
  guest = new Guest((emu) => {
    emu.hookHelpers([HELPERS, STUB], { js: [true, true] });
    emu.onHelper(() => {
      throw new Error('nobody is to be asked');
    });
    emu.commonPolicy().belowRsp = 16;
  });
  guest.emu.nativeModels([{ helper: 0, model: Model.LOOP, stub: 1 }]);
  const code = new Array<number>(0x200).fill(0x90);
  code.splice(0, 6, ...call(CODE, HELPERS), RET);
  code.splice(0x100, body.length, ...body);
  const regs = { rdi: count, rsi: BODY, rdx: 0xc0ffeen, rcx: flags, rbx: 1n, r15: 2n };
  return guest.run(code, regs);
}

/** `inc qword [rip]` of a counter on the stack's page, then `xor eax, eax; ret`. */
const SUM = TOP - 0x1000n;
const add = (then: readonly number[]): number[] => [
  ...[0x48, 0xb8, ...le(SUM, 8)], // mov rax, SUM
  ...[0x48, 0x01, 0x38], // add [rax], rdi
  ...[0x48, 0x01, 0x70, 0x08], // add [rax + 8], rsi
  ...then,
  RET,
];
const ZERO = [0x31, 0xc0];
const word = (at: bigint): bigint => {
  const bytes = guest.emu.readBytes(at, 8)!;
  return new DataView(bytes.buffer).getBigUint64(0, true);
};

describe('bpf_loop in native code', () => {
  test('calls with the round and the context, and returns the rounds', () => {
    expect(loop(add(ZERO), 4n)).toMatchObject({ kind: 'ok' });
    expect([word(SUM), word(SUM + 8n)]).toEqual([0n + 1n + 2n + 3n, 4n * 0xc0ffeen]);
    expect([guest.reg('rax'), guest.reg('rbx'), guest.reg('r15'), guest.emu.loopsLost]).toEqual([4n, 1n, 2n, false]);
    for (const name of ['rcx', 'rdx', 'rsi', 'rdi', 'r8', 'r9', 'r10', 'r11'] as const) {
      expect([name, guest.reg(name) >> 62n]).toEqual([name, 1n]);
    }
  });

  test.each([
    ['ends when the callback says 1', [0xb8, 1, 0, 0, 0], 4n, 0n, 1n],
    ['does nothing when asked for nothing', ZERO, 0n, 0n, 0n],
    ['counts with 32 bits', ZERO, 0x7_0000_0002n, 0n, 2n],
    ['refuses flags', ZERO, 4n, 1n, (1n << 64n) - 22n],
    ['refuses too many rounds', ZERO, (1n << 23n) + 1n, 0n, (1n << 64n) - 7n],
  ])('%s', (_, then, count, flags, result) => {
    expect(loop(add(then), count, flags)).toMatchObject({ kind: 'ok' });
    expect([guest.emu.regs[REG.rax], guest.emu.loopsLost]).toEqual([result, false]);
  });

  test('notices a callback that keeps a register', () => {
    // inc r15
    expect(loop(add([0x49, 0xff, 0xc7, ...ZERO]), 2n)).toMatchObject({ kind: 'ok' });
    expect([guest.reg('r15'), guest.emu.loopsLost]).toEqual([2n, true]);
  });

  test('needs a common policy, and helpers that are there', () => {
    guest = new Guest((emu) => {
      emu.hookHelpers([HELPERS], { js: [true] });
      emu.onHelper(() => 0);
    });
    expect(() => guest.emu.nativeModels([{ helper: 0, model: Model.LOOP, stub: 0 }])).toThrow('nativeModels');
    guest.emu.nativeModels([]);
    expect(() => guest.emu.nativeModels([{ helper: 7, model: Model.LOOP, stub: 0 }])).toThrow('nativeModels');
  });
});
