import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Action, Emu, EmuError, type EmuErrorCode, Prot, REG } from './index';
import { CODE, call, EVERYWHERE, Guest, HELPERS, RET, STACK, STOP } from './testing';

// What a caller can do wrong. Each must come back as a typed error; none may end the process.

const MIB = 1 << 20;
const POISON = [0n, 0n, 0n, 0n, 0n, 0n, 0n, 0n];
const POLICY = { ret: 0n, poison: POISON, belowRsp: 0 };

function refused(code: EmuErrorCode, what: () => unknown): void {
  let thrown: unknown;
  try {
    what();
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(EmuError);
  expect(thrown).toMatchObject({ code, name: 'EmuError' });
}

/** A call with arguments that the types forbid. */
const forced = (emu: Emu, method: keyof Emu, ...args: unknown[]) =>
  (emu[method] as unknown as (...args: unknown[]) => unknown).apply(emu, args);

describe('arguments', () => {
  let emu: Emu;
  beforeEach(() => {
    emu = Emu.open();
  });
  afterEach(() => emu.close());

  test.each<[keyof Emu, unknown[]]>([
    ['map', []],
    ['map', [0x1000, 0x1000, Prot.RW]],
    ['map', [-1n, 0x1000, Prot.RW]],
    ['map', [1n << 64n, 0x1000, Prot.RW]],
    ['map', [0x1001n, 0x1000, Prot.RW]],
    ['map', [0x1000n, 0, Prot.RW]],
    ['map', [0x1000n, 0x1001, Prot.RW]],
    ['map', [0x1000n, -0x1000, Prot.RW]],
    ['map', [0x1000n, Number.NaN, Prot.RW]],
    ['map', [0x1000n, '0x1000', Prot.RW]],
    ['map', [0x1000n, 0x1000n, Prot.RW]],
    ['map', [0x1000n, 0x1000, 8]],
    ['map', [0x1000n, 0x1000, -1]],
    ['map', [(1n << 64n) - 0x1000n, 0x2000, Prot.RW]],
    ['protect', [0x1000n, 0x1000, Prot.R]],
    ['protect', [0x1000n, 0x1000, 'r']],
    ['hookHelpers', []],
    ['hookHelpers', [[]]],
    ['hookHelpers', [[1]]],
    ['hookHelpers', [[1n, 1n]]],
    ['hookHelpers', [[1n], { js: [true, true] }]],
    ['hookHelpers', [null]],
    ['setHelperPolicy', [0, POLICY]],
    ['setHelperPolicy', [-1, POLICY]],
    ['setHelperPolicy', [0, undefined]],
    ['setHelperPolicy', [0, { ...POLICY, poison: [1n] }]],
    ['setHelperPolicy', [0, { ...POLICY, ret: 5 }]],
    ['setHelperPolicy', [0, { ...POLICY, belowRsp: 4 }]],
    ['setHelperPolicy', [0, { ...POLICY, belowRsp: -8 }]],
    ['setHelperPolicy', [0, { ...POLICY, belowRsp: 2 ** 40 }]],
    ['onHelper', [5]],
    ['onCode', [0n, 1n, 'callback']],
    ['onCode', [2n, 1n, () => Action.CONTINUE]],
    ['traceCode', [1n, 0n]],
    ['traceCode', [0, 1]],
    ['watchMemory', [1n, 0n]],
    ['watchMemory', [undefined, 0n]],
    ['seal', []],
    ['seal', [{}]],
    ['seal', [{ stop: 1 }]],
    ['readBytes', [0, 1]],
    ['readBytes', [0n, -1]],
    ['readBytes', [0n, 2 ** 40]],
    ['writeBytes', [0n, [1, 2]]],
    ['writeBytes', [0n, 'bytes']],
    ['writeBytes', [0n, new Uint16Array(2)]],
    ['writeBytes', [0n, undefined]],
  ])('%s(%j)', (method, args) => {
    refused('bad-argument', () => forced(emu, method, ...args));
  });

  test.each([[{ blockBudget: 0 }], [{ blockBudget: 1.5 }], [{ eventCapacity: 0 }], [{ eventCapacity: 2 ** 30 }]])(
    'open(%j)',
    (options) => {
      refused('bad-argument', () => Emu.open(options));
    },
  );

  test.each([[5], [5.5], ['0x1000'], [undefined], [-1n], [1n << 64n]])('run(%p)', (entry) => {
    emu.seal({ stop: STOP });
    refused('bad-argument', () => forced(emu, 'run', entry));
  });

  test.each([[5], [{}], [{ addr: 1 }], [{ addr: 1n, size: 1.5 }], [[{ addr: CODE, size: 1 }, null]], [[null]]])(
    'run with invalidate %p',
    (invalidate) => {
      emu.map(CODE, 0x1000, Prot.RX);
      emu.seal({ stop: STOP });
      refused('bad-argument', () => forced(emu, 'run', CODE, { invalidate }));
    },
  );
});

describe('order', () => {
  let guest: Guest;
  afterEach(() => guest.emu.close());

  test('hooks come before the seal, runs after it', () => {
    guest = new Guest();
    const { emu } = guest;
    refused('sealed', () => emu.hookHelpers([1n]));
    refused('sealed', () => emu.watchMemory(...EVERYWHERE));
    refused('sealed', () => emu.traceCode(...EVERYWHERE));
    refused('sealed', () => emu.onHelper(() => Action.STOP));
    refused('sealed', () => emu.onCode(0n, 1n, () => Action.STOP));
    refused('sealed', () => emu.seal({ stop: STOP }));
    const early = Emu.open();
    refused('not-sealed', () => early.run(CODE));
    early.close();
  });

  test('a refused onCode leaves no callback behind', () => {
    guest = new Guest();
    refused('sealed', () => guest.emu.onCode(CODE, CODE, () => Action.STOP));
    expect(guest.run([RET]).kind).toBe('ok');
  });

  test('a helper needs a policy or a callback', () => {
    guest = new Guest((emu) => emu.hookHelpers([HELPERS]));
    refused('bad-argument', () => guest.run([RET]));
    guest.emu.setHelperPolicy(0, POLICY);
    expect(guest.run([RET]).kind).toBe('ok');
    const js = Emu.open();
    js.hookHelpers([HELPERS], { js: [true] });
    refused('bad-argument', () => js.seal({ stop: STOP }));
    js.close();
  });

  test('nothing but memory and policies may be touched from within a callback', () => {
    const errors: unknown[] = [];
    guest = new Guest((emu) => {
      emu.hookHelpers([HELPERS], { js: [true] });
      emu.onHelper(() => {
        const attempts = [
          () => emu.run(CODE),
          () => emu.close(),
          () => emu.map(0x1000n, 0x1000, Prot.RW),
          () => emu.protect(STACK, 0x1000, Prot.R),
          () => emu.seal({ stop: STOP }),
          () => emu.traceCode(0n, 1n),
        ];
        for (const attempt of attempts) refused('busy', attempt);
        emu.setHelperPolicy(0, POLICY);
        errors.push(emu.writeBytes(STACK, Uint8Array.of(1)), emu.readBytes(STACK, 1)![0]);
        return Action.RETURN;
      });
    });
    expect(guest.run([...call(CODE, HELPERS), RET]).kind).toBe('ok');
    expect(errors).toEqual([true, 1]);
  });

  test('a run within a callback that is not caught comes out of the outer run', () => {
    guest = new Guest((emu) =>
      emu.onCode(CODE, CODE, () => {
        emu.run(CODE);
        return Action.CONTINUE;
      }),
    );
    refused('busy', () => guest.run([RET]));
  });

  test('another engine may run within a callback', () => {
    const inner = new Guest();
    guest = new Guest((emu) =>
      emu.onCode(CODE, CODE, () => {
        inner.run([0xb8, 7, 0, 0, 0, RET]);
        emu.regs[REG.rdx] = inner.reg('rax');
        return Action.CONTINUE;
      }),
    );
    // mov eax, edx; ret
    expect(guest.run([0x89, 0xd0, RET]).kind).toBe('ok');
    expect(guest.reg('rax')).toBe(7n);
    inner.emu.close();
  });
});

describe('limits', () => {
  let emu: Emu;
  beforeEach(() => {
    emu = Emu.open();
  });
  afterEach(() => emu.close());

  test('mappings do not overlap', () => {
    emu.map(0x10000n, 0x2000, Prot.RW);
    for (const addr of [0xf000n, 0x10000n, 0x11000n]) refused('overlap', () => emu.map(addr, 0x2000, Prot.RW));
    emu.map(0xe000n, 0x2000, Prot.RW);
    emu.map(0x12000n, 0x1000, Prot.RW);
  });

  test('protect needs all of it mapped, by however many mappings', () => {
    emu.map(0x10000n, 0x2000, Prot.RW);
    emu.map(0x12000n, 0x1000, Prot.RW);
    refused('bad-argument', () => emu.protect(0x10000n, 0x4000, Prot.R));
    refused('bad-argument', () => emu.protect(0xf000n, 0x2000, Prot.R));
    emu.protect(0x11000n, 0x2000, Prot.R);
  });

  test('256 MiB an engine', () => {
    emu.map(0x10000000n, 255 * MIB, Prot.RW);
    refused('too-big', () => emu.map(0x80000000n, 2 * MIB, Prot.RW));
    refused('too-big', () => emu.map(0x80000000n, Number.MAX_SAFE_INTEGER - 0xfff, Prot.RW));
    emu.map(0x80000000n, MIB, Prot.RW);
  });

  test('512 regions an engine', () => {
    const page = (i: number) => 0x10000n + BigInt(i) * 0x2000n;
    emu.map(page(0), 0x400000, Prot.RW);
    for (let i = 1; i < 256; i++) emu.protect(page(i), 0x1000, Prot.R);
    refused('too-big', () => emu.protect(page(256), 0x1000, Prot.R));
    for (let i = 1; i < 256; i++) emu.protect(page(i), 0x1000, Prot.RW);
    emu.protect(page(0), 0x400000, Prot.R);
    emu.map(0x1000000n, 0x1000, Prot.RW);
    refused('too-big', () => emu.map(0x2000000n, 0x1000, Prot.RW));
  });

  test('64 ranges of a kind', () => {
    for (let i = 0; i < 64; i++) emu.traceCode(BigInt(i) * 16n, BigInt(i) * 16n);
    refused('too-big', () => emu.traceCode(0n, 1n));
    emu.seal({ stop: STOP });
  });
});
