import { afterEach, describe, expect, test } from '@jest/globals';
import { Emu, Prot, REG } from './index';
import { CODE, Guest, le, RET, STACK, STOP, TOP } from './testing';

const NUMBERS = Array.from({ length: 16 }, (_, i) => i);
const PERCPU = 0xffffffff83b0c000n;
const LAST_PAGE = 0xfffffffffffff000n;

let guest: Guest;
afterEach(() => guest.emu.close());

describe('registers', () => {
  test('a program returns to the stop address with what it computed', () => {
    guest = new Guest();
    // lea rax, [rdi + rsi]; ret
    expect(guest.run([0x48, 0x8d, 0x04, 0x37, RET], { rdi: 40n, rsi: 2n })).toEqual({
      kind: 'ok',
      rip: STOP,
      exact: true,
    });
    expect(guest.reg('rax')).toBe(42n);
    expect(guest.reg('rsp')).toBe(TOP + 8n);
    expect(guest.reg('rip')).toBe(STOP);
  });

  test('all 16 general registers are written and read in hardware order', () => {
    guest = new Guest();
    const names = Object.keys(REG).slice(0, 16) as (keyof typeof REG)[];
    const values = Object.fromEntries(names.map((name, i) => [name, 0xf000_0000_0000_0000n + BigInt(i)]));
    // xchg r, r for the hardware number of each: REX.W[RXB] 87 /r, which leaves it as it is
    const code = NUMBERS.flatMap((n) => [0x48 | (n >> 3) | ((n >> 3) << 2), 0x87, 0xc0 | ((n & 7) << 3) | (n & 7)]);
    expect(guest.run([...code, RET], values).kind).toBe('ok');
    for (const name of names) if (name !== 'rsp') expect([name, guest.reg(name)]).toEqual([name, values[name]]);
  });

  test('each number names the register that the processor means by it', () => {
    guest = new Guest();
    for (const n of NUMBERS) {
      if (n === REG.rsp) continue;
      // mov r64, imm32 sign-extended: REX.W[B] c7 /0
      guest.run([0x48 | (n >> 3), 0xc7, 0xc0 | (n & 7), ...le(-n - 1, 4), RET]);
      expect([n, guest.emu.regs[n]]).toEqual([n, BigInt.asUintN(64, BigInt(-n - 1))]);
    }
  });

  test('status flags go in and out; TF does not single-step', () => {
    guest = new Guest();
    // setc al; stc; ret
    expect(guest.run([0x0f, 0x92, 0xc0, 0xf9, RET], { rflags: 0x101n }).kind).toBe('ok');
    expect([guest.reg('rax'), guest.reg('rflags') & 1n]).toEqual([1n, 1n]);
    expect(guest.run([0x0f, 0x92, 0xc0, RET]).kind).toBe('ok');
    expect([guest.reg('rax'), guest.reg('rflags')]).toEqual([0n, 2n]);
  });

  test('nothing of a run is left for the next but memory', () => {
    guest = new Guest();
    // std; movq xmm0, rdi; ret
    guest.run([0xfd, 0x66, 0x48, 0x0f, 0x6e, 0xc7, RET], { rdi: 7n });
    // pushfq; pop rcx; movq rax, xmm0; ret
    guest.run([0x9c, 0x59, 0x66, 0x48, 0x0f, 0x7e, 0xc0, RET]);
    expect([guest.reg('rax'), guest.reg('rcx') & 0x400n]).toEqual([0n, 0n]);
  });
});

describe('kernel addresses', () => {
  test('a gs-relative load wraps around with a sign-extended displacement', () => {
    const gsBase = 0x6079_1234_5000n;
    guest = new Guest((emu) => {
      emu.map(gsBase + PERCPU - (1n << 64n), 0x1000, Prot.RW).set(le(0xffffe8ff_00001000n, 8), 0x28);
    });
    // add r9, gs:[0xffffffff83b0c028]; ret
    const code = [0x65, 0x4c, 0x03, 0x0c, 0x25, 0x28, 0xc0, 0xb0, 0x83, RET];
    expect(guest.run(code, { r9: 0x100n, gsBase }).kind).toBe('ok');
    expect(guest.reg('r9')).toBe(0xffffe8ff_00001100n);
    expect(guest.reg('gsBase')).toBe(gsBase);
  });

  test('the last page of the address space can be mapped, written and executed', () => {
    guest = new Guest((emu) => {
      emu.map(LAST_PAGE, 0x1000, Prot.RWX).fill(RET);
    });
    // jmp rdi
    expect(guest.run([0xff, 0xe7], { rdi: LAST_PAGE }).kind).toBe('ok');
    // mov byte [rdi], 5; ret
    expect(guest.run([0xc6, 0x07, 0x05, RET], { rdi: (1n << 64n) - 1n }).kind).toBe('ok');
    expect(guest.emu.readBytes((1n << 64n) - 1n, 1)).toEqual(Uint8Array.of(5));
    expect(guest.emu.readBytes((1n << 64n) - 1n, 2)).toBeNull();
    const invalidate = { addr: LAST_PAGE, size: 0x1000 };
    expect(guest.emu.run(CODE, { invalidate }).kind).not.toBe('error');
  });

  test('addresses that differ only above bit 51 are different memory', () => {
    guest = new Guest((emu) => {
      emu.map(0x000f_c900_0002_0000n, 0x1000, Prot.RW).fill(1);
      emu.map(0xffff_c900_0002_0000n, 0x1000, Prot.RW).fill(2);
      emu.map(0x8000_0000_0000_0000n, 0x1000, Prot.RW).fill(3);
    });
    // movzx eax, byte [rdi]; ret
    const load = (rdi: bigint) => [guest.run([0x0f, 0xb6, 0x07, RET], { rdi }).kind, guest.reg('rax')];
    expect(load(0x000f_c900_0002_0000n)).toEqual(['ok', 1n]);
    expect(load(0xffff_c900_0002_0000n)).toEqual(['ok', 2n]);
    expect(load(0x8000_0000_0000_0000n)).toEqual(['ok', 3n]);
  });
});

describe('memory', () => {
  test('host and guest share the bytes', () => {
    guest = new Guest();
    guest.stack[0] = 41;
    // inc byte [rdi]; ret
    guest.run([0xfe, 0x07, RET], { rdi: STACK });
    expect(guest.stack[0]).toBe(42);
  });

  test('protecting one page leaves the rest shared', () => {
    guest = new Guest((emu) => emu.protect(STACK + 0x1000n, 0x1000, Prot.NONE));
    // mov [rdi], rsi; ret
    const store = (rdi: bigint) => guest.run([0x48, 0x89, 0x37, RET], { rdi, rsi: 9n });
    expect(store(STACK)).toMatchObject({ kind: 'ok' });
    expect(store(STACK + 0x1000n)).toMatchObject({ kind: 'fault', access: 'write', reason: 'protected' });
    expect(store(STACK + 0x2000n)).toMatchObject({ kind: 'ok' });
    expect([guest.stack[0], guest.stack[0x1000], guest.stack[0x2000]]).toEqual([9, 0, 9]);
  });

  test('readBytes and writeBytes cross mappings and ignore protection; unmapped is all or nothing', () => {
    guest = new Guest((emu) => {
      emu.map(STACK + 0x4000n, 0x1000, Prot.NONE);
    });
    const end = STACK + 0x4000n;
    expect(guest.emu.writeBytes(end - 2n, Uint8Array.of(1, 2, 3, 4))).toBe(true);
    expect(guest.emu.readBytes(end - 2n, 4)).toEqual(Uint8Array.of(1, 2, 3, 4));
    expect(guest.emu.readBytes(end + 0xfffn, 2)).toBeNull();
    expect(guest.emu.writeBytes(end + 0xfffn, Uint8Array.of(7, 7))).toBe(false);
    expect(guest.emu.readBytes(end + 0xfffn, 1)).toEqual(Uint8Array.of(0));
    expect(guest.emu.readBytes(STACK, 0)).toEqual(new Uint8Array());
  });

  test('two engines do not see each other', () => {
    guest = new Guest();
    const other = new Guest();
    // mov rax, rdi; mov [rsi], rdi; ret
    const code = [0x48, 0x89, 0xf8, 0x48, 0x89, 0x3e, RET];
    guest.run(code, { rdi: 1n, rsi: STACK });
    other.run(code, { rdi: 2n, rsi: STACK });
    expect([guest.reg('rax'), guest.stack[0]]).toEqual([1n, 1]);
    other.emu.close();
    expect(guest.run(code, { rdi: 3n, rsi: STACK }).kind).toBe('ok');
    expect([guest.reg('rax'), guest.stack[0]]).toEqual([3n, 3]);
  });
});

test('the library names its file and version', () => {
  guest = new Guest();
  expect(Emu.library()).toEqual({
    path: expect.stringContaining('unicorn'),
    version: expect.stringMatching(/^2\.\d+\.\d+$/),
  });
});
