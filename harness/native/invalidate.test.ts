import { afterEach, expect, test } from '@jest/globals';
import { Prot, REG } from './index';
import { CODE, Guest, le, RET, STOP, TOP } from './testing';

const OTHER = 0xffffffffc0100000n;

/** mov eax, value; ret */
const give = (value: number): number[] => [0xb8, ...le(value, 4), RET];

let guest: Guest;
afterEach(() => guest.emu.close());

function start(entry: bigint, invalidate?: Parameters<typeof guest.emu.run>[1]): bigint | undefined {
  guest.emu.regs[REG.rsp] = TOP;
  guest.emu.writeBytes(TOP, Uint8Array.from(le(STOP, 8)));
  return guest.emu.run(entry, invalidate).kind === 'ok' ? guest.reg('rax') : undefined;
}

test('code rewritten between runs is seen when it is named, wherever the range begins in the block', () => {
  guest = new Guest();
  guest.code.set(give(1));
  expect(start(CODE)).toBe(1n);
  guest.code.set(give(2));
  expect(start(CODE, { invalidate: { addr: CODE + 1n, size: 1 } })).toBe(2n);
  guest.code.set(give(3));
  expect(start(CODE, { invalidate: { addr: CODE, size: 0x2000 } })).toBe(3n);
});

test('several ranges, over pages and mappings of their own', () => {
  guest = new Guest((emu) => {
    emu.map(OTHER, 0x3000, Prot.RX);
  });
  const entries = [CODE, CODE + 0x1ffan, OTHER + 0xffdn, OTHER + 0x2000n];
  const write = (value: number) => {
    entries.forEach((entry, i) => {
      guest.emu.writeBytes(entry, Uint8Array.from(give(value + i)));
    });
  };
  write(10);
  expect(entries.map((entry) => start(entry))).toEqual([10n, 11n, 12n, 13n]);
  write(20);
  const invalidate = [
    { addr: CODE, size: 0x2000 },
    { addr: OTHER, size: 0x2000 },
    { addr: OTHER + 0x2000n, size: 6 },
  ];
  const [first, ...rest] = entries;
  expect([start(first!, { invalidate }), ...rest.map((entry) => start(entry))]).toEqual([20n, 21n, 22n, 23n]);
});

test('protection may change between runs', () => {
  guest = new Guest();
  guest.code.set(give(1));
  expect(start(CODE)).toBe(1n);
  guest.emu.protect(CODE, 0x1000, Prot.RW);
  expect(start(CODE)).toBeUndefined();
  guest.code.set(give(2));
  guest.emu.protect(CODE, 0x1000, Prot.RX);
  expect(start(CODE, { invalidate: { addr: CODE, size: 0x1000 } })).toBe(2n);
});

test('only executable memory can be named', () => {
  guest = new Guest();
  const refused = (addr: bigint, size: number) =>
    expect(() => guest.emu.run(CODE, { invalidate: { addr, size } })).toThrow(
      expect.objectContaining({ code: 'bad-argument' }),
    );
  refused(TOP, 8);
  refused(CODE, 0x2001);
  refused(0x1000n, 8);
  refused((1n << 64n) - 1n, 2);
  refused(CODE, 0);
  refused(CODE, -1);
  guest.emu.run(CODE, { invalidate: [] });
});
