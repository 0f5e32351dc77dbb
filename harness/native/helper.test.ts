import { afterEach, describe, expect, test } from '@jest/globals';
import { type CommonPolicy, type Emu, EventKind, type HelperPolicy, Prot, REG } from './index';
import { CODE, call, Guest, HELPERS, le, RET, STACK, STOP, TOP } from './testing';

const FAR = 0xffffffffa0000000n;
const DEAD = [0xa1n, 0xa2n, 0xa3n, 0xa4n, 0xa5n, 0xa6n, 0xa7n, 0xa8n];
const POLICY: HelperPolicy = { ret: 0x77n, poison: DEAD, belowRsp: 0 };
const CALL = [...call(CODE, HELPERS), RET];

let guest: Guest;
afterEach(() => guest.emu.close());

const withPolicy = (policy: HelperPolicy) => (emu: Emu) => {
  emu.hookHelpers([HELPERS]);
  emu.setHelperPolicy(0, policy);
};

describe('the native policy', () => {
  const caller = ['rcx', 'rdx', 'rsi', 'rdi', 'r8', 'r9', 'r10', 'r11'] as const;
  const callee = ['rbx', 'rbp', 'r12', 'r13', 'r14', 'r15'] as const;

  test('destroys every caller-saved register, sets rax, keeps the rest and returns', () => {
    guest = new Guest(withPolicy(POLICY));
    const before = Object.fromEntries(Object.keys(REG).map((name, i) => [name, BigInt(i + 1)]));
    expect(guest.run(CALL, { ...before, rflags: 0n, gsBase: 0n }).kind).toBe('ok');
    expect(caller.map((name) => guest.reg(name))).toEqual(DEAD);
    expect(callee.map((name) => guest.reg(name))).toEqual(callee.map((name) => before[name]));
    expect([guest.reg('rax'), guest.reg('rsp')]).toEqual([0x77n, TOP + 8n]);
  });

  test('may change between runs', () => {
    guest = new Guest(withPolicy(POLICY));
    guest.run(CALL);
    guest.emu.setHelperPolicy(0, { ...POLICY, ret: 0x78n });
    guest.run(CALL);
    expect(guest.reg('rax')).toBe(0x78n);
  });

  test.each([
    [0x203n, 1n],
    [0x202n, 0n],
  ])('sets flags that the next instruction sees: %d', (rflags, carry) => {
    guest = new Guest(withPolicy({ ...POLICY, rflags }));
    // cmp ebx, imm: the flags of before must not come through; call; setc bl; ret
    guest.run([0x81, 0xfb, ...le(1n - carry, 4), ...call(CODE + 6n, HELPERS), 0x0f, 0x92, 0xc3, RET]);
    expect(guest.reg('rbx')).toBe(carry);
  });

  test('may be one for many, and changed without a call', () => {
    let policy: CommonPolicy | undefined;
    guest = new Guest((emu) => {
      emu.hookHelpers([HELPERS + 16n, HELPERS]);
      policy = emu.commonPolicy({ brief: true });
      expect(() => emu.commonPolicy()).toThrow('once');
    });
    policy!.poison.set(DEAD);
    policy!.returns.set([0x11n, 0x22n]);
    policy!.belowRsp = 16;
    guest.run(CALL);
    expect([guest.reg('rax'), ...caller.map((name) => guest.reg(name))]).toEqual([0x22n, ...DEAD]);
    expect([guest.emu.events.kind(0), guest.emu.events.index(0)]).toEqual([EventKind.HELPER, 1]);
    expect(guest.stack.slice(0x3000 - 16, 0x3000).every((byte) => byte === 0)).toBe(false);
    policy!.returns[1] = 0x33n;
    guest.run(CALL);
    expect(guest.reg('rax')).toBe(0x33n);
  });

  test('leaves the flags alone unless told', () => {
    guest = new Guest(withPolicy(POLICY));
    guest.run([0xf9, ...call(CODE + 1n, HELPERS), 0x0f, 0x92, 0xc3, RET]);
    expect(guest.reg('rbx')).toBe(1n);
  });

  test('overwrites the bytes below rsp with junk that depends on seed and address', () => {
    guest = new Guest(withPolicy({ ...POLICY, belowRsp: 24, junk: 1n }));
    const below = () => Array.from(guest.stack.slice(0x3000 - 40, 0x3008));
    guest.run(CALL);
    const first = below();
    const return8 = le(STOP, 8);
    expect(first.slice(0, 16)).toEqual(new Array(16).fill(0));
    expect(first.slice(40)).toEqual(return8);
    const words = [16, 24, 32].map((at) => first.slice(at, at + 8).join());
    expect(new Set([...words, le(CODE + 5n, 8).join(), le(0, 8).join()]).size).toBe(5);
    guest.run(CALL);
    expect(below()).toEqual(first);
    guest.emu.setHelperPolicy(0, { ...POLICY, belowRsp: 24, junk: 2n });
    guest.run(CALL);
    expect(below()).not.toEqual(first);
  });

  test('stops its junk at memory that cannot be written', () => {
    guest = new Guest((emu) => {
      withPolicy({ ...POLICY, belowRsp: 0x4000 })(emu);
      emu.protect(STACK, 0x2000, Prot.NONE);
    });
    expect(guest.run(CALL).kind).toBe('ok');
    expect(guest.stack.slice(0, 0x2000).every((byte) => byte === 0)).toBe(true);
    expect(guest.stack.slice(0x2000, 0x3000).every((byte) => byte === 0)).toBe(false);
  });

  test('returning with rsp in unmapped memory is a fault of the helper', () => {
    guest = new Guest(withPolicy(POLICY));
    // mov esp, 0x1000; jmp helper
    const jump = [0xe9, ...le(HELPERS - (CODE + 10n), 4)];
    const status = guest.run([0xbc, ...le(0x1000, 4), ...jump]);
    expect(status).toMatchObject({ kind: 'fault', access: 'read', reason: 'unmapped', address: 0x1000n, rip: HELPERS });
  });

  test('a helper that returns to itself is called again, until the budget ends it', () => {
    guest = new Guest(withPolicy(POLICY), { blockBudget: 50 });
    const words = new BigUint64Array(guest.stack.buffer);
    // mov rsp, rdi; jmp helper
    const code = [0x48, 0x89, 0xfc, 0xe9, ...le(HELPERS - (CODE + 8n), 4)];
    words.fill(HELPERS, 0, 3);
    words[3] = STOP;
    expect(guest.run(code, { rdi: STACK }).kind).toBe('ok');
    expect([guest.emu.eventCount, guest.reg('rsp')]).toEqual([4, STACK + 32n]);
    words.fill(HELPERS, 0, 0x400);
    expect(guest.run(code, { rdi: STACK })).toMatchObject({ kind: 'budget', rip: HELPERS });
  });

  test('helpers may lie on both sides of the code and are told apart', () => {
    guest = new Guest((emu) => {
      emu.map(FAR, 0x1000, Prot.RX).fill(RET);
      emu.hookHelpers([FAR, HELPERS + 1n, HELPERS]);
      [0, 1, 2].forEach((index) => {
        emu.setHelperPolicy(index, { ...POLICY, ret: BigInt(index) });
      });
    });
    const seen = [FAR, HELPERS + 1n, HELPERS].map((address) => {
      // call rdi; ret
      expect(guest.run([0xff, 0xd7, RET], { rdi: address }).kind).toBe('ok');
      return [guest.emu.events.kind(0), guest.emu.events.index(0), guest.reg('rax')];
    });
    expect(seen).toEqual([0, 1, 2].map((index) => [EventKind.HELPER, index, BigInt(index)]));
  });
});
