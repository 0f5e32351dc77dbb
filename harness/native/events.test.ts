import { afterEach, describe, expect, test } from '@jest/globals';
import { type Emu, EventKind, REG } from './index';
import { CODE, call, EVERYWHERE, Guest, HELPERS, le, RET, STACK, STOP, TOP } from './testing';

const { INSN, READ, WRITE, HELPER } = EventKind;
const POLICY = { ret: 0n, poison: [0n, 0n, 0n, 0n, 0n, 0n, 0n, 0n], belowRsp: 0 };

let guest: Guest;
afterEach(() => guest.emu.close());

const numbers = () => Array.from({ length: guest.emu.eventCount }, (_, i) => i);
const kinds = () => numbers().map((i) => guest.emu.events.kind(i));
const rips = () => numbers().map((i) => guest.emu.events.rip(i));

function accesses() {
  const { events } = guest.emu;
  return numbers()
    .filter((i) => events.kind(i) === READ || events.kind(i) === WRITE)
    .map((i) => [events.kind(i), events.address(i), events.size(i), events.value(i)]);
}

const watch = (emu: Emu) => emu.watchMemory(...EVERYWHERE);
const trace = (emu: Emu) => emu.traceCode(CODE, CODE + 0x1fffn);

describe('memory', () => {
  test('push, pop, call and ret are seen', () => {
    guest = new Guest(watch);
    // push rdi; call +2; jmp +1; ret; pop rax; ret
    expect(guest.run([0x57, 0xe8, ...le(2, 4), 0xeb, 0x01, RET, 0x58, RET], { rdi: 5n }).kind).toBe('ok');
    expect(accesses()).toEqual([
      [WRITE, TOP - 8n, 8, 5n],
      [WRITE, TOP - 16n, 8, CODE + 6n],
      [READ, TOP - 16n, 8, CODE + 6n],
      [READ, TOP - 8n, 8, 5n],
      [READ, TOP, 8, STOP],
    ]);
  });

  test.each([
    ['mov [rdi], sil', [0x40, 0x88, 0x37], 1],
    ['mov [rdi], si', [0x66, 0x89, 0x37], 2],
    ['mov [rdi], esi', [0x89, 0x37], 4],
    ['mov [rdi], rsi', [0x48, 0x89, 0x37], 8],
  ])('%s has its size and value', (_, code, size) => {
    guest = new Guest(watch);
    guest.run([...code, RET], { rdi: STACK, rsi: 0xfedcba9876543210n });
    expect(accesses()[0]).toEqual([WRITE, STACK, size, BigInt.asUintN(8 * size, 0xfedcba9876543210n)]);
  });

  test('an atomic reads, then writes', () => {
    guest = new Guest(watch);
    guest.stack[0] = 3;
    // lock xadd [rdi], rsi; ret
    guest.run([0xf0, 0x48, 0x0f, 0xc1, 0x37, RET], { rdi: STACK, rsi: 4n });
    expect(accesses().slice(0, 2)).toEqual([
      [READ, STACK, 8, 3n],
      [WRITE, STACK, 8, 7n],
    ]);
  });

  test('an access across pages is one event, and reads of its halves are not lost', () => {
    guest = new Guest(watch);
    guest.stack.fill(0x11);
    const half = STACK + 0xff8n;
    // mov rax, [rdi]; mov rax, [rsi]; mov rax, [rsi + 8]; mov [rdi], rax; ret
    const code = [0x48, 0x8b, 0x07, 0x48, 0x8b, 0x06, 0x48, 0x8b, 0x46, 0x08, 0x48, 0x89, 0x07, RET];
    guest.run(code, { rdi: half + 4n, rsi: half });
    const value = 0x1111111111111111n;
    expect(accesses().slice(0, 4)).toEqual([
      [READ, half + 4n, 8, value],
      [READ, half, 8, value],
      [READ, half + 8n, 8, value],
      [WRITE, half + 4n, 8, value],
    ]);
  });

  test('a watched range sees what touches it, also from before, and nothing else', () => {
    guest = new Guest((emu) => {
      emu.watchMemory(STACK + 0x100n, STACK + 0x10fn);
      emu.watchMemory(STACK + 0x108n, STACK + 0x117n);
    });
    // mov [rdi], eax for several rdi
    const seen = [0xfcn, 0xfdn, 0x10cn, 0x117n, 0x118n].map((offset) => {
      guest.run([0x89, 0x07, RET], { rdi: STACK + offset });
      return guest.emu.eventCount;
    });
    expect(seen).toEqual([0, 1, 1, 1, 0]);
  });

  test('an access that faults is there, marked', () => {
    guest = new Guest(watch);
    guest.run([0x48, 0x89, 0x07, RET], { rdi: HELPERS });
    expect([guest.emu.events.kind(0), guest.emu.events.faults(0)]).toEqual([WRITE, true]);
    guest.run([0x48, 0x89, 0x07, RET], { rdi: STACK });
    expect([guest.emu.events.kind(0), guest.emu.events.faults(0)]).toEqual([WRITE, false]);
  });

  test('in traced code the instruction is right, for atomics and vectors too', () => {
    guest = new Guest((emu) => {
      watch(emu);
      trace(emu);
    });
    // nop; lock xadd [rdi], rax; movups xmm0, [rdi]; movups [rdi], xmm0; ret
    guest.run([0x90, 0xf0, 0x48, 0x0f, 0xc1, 0x07, 0x0f, 0x10, 0x07, 0x0f, 0x11, 0x07, RET], { rdi: STACK });
    const { events } = guest.emu;
    const own = numbers().filter((i) => events.kind(i) !== INSN);
    expect(own.map((i) => events.rip(i) - CODE)).toEqual([1n, 1n, 6n, 6n, 9n, 9n, 12n]);
  });
});

describe('instructions', () => {
  test('are recorded once each, with all registers and flags before them', () => {
    guest = new Guest(trace);
    // mov r15, rdi; cmp eax, eax; ret
    expect(guest.run([0x49, 0x89, 0xff, 0x39, 0xc0, RET], { rdi: 0x8877665544332211n, r15: 1n }).kind).toBe('ok');
    const { events } = guest.emu;
    expect(kinds()).toEqual([INSN, INSN, INSN]);
    expect(rips()).toEqual([CODE, CODE + 3n, CODE + 5n]);
    expect([events.reg(0, REG.r15), events.reg(1, REG.r15)]).toEqual([1n, 0x8877665544332211n]);
    expect([events.regLow32(1, REG.r15), events.regHigh32(1, REG.r15)]).toEqual([0x44332211, 0x88776655]);
    expect([events.reg(0, REG.rdi), events.reg(0, REG.rsp)]).toEqual([0x8877665544332211n, TOP]);
    const zero = 0x40n;
    expect([events.rflags(1) & zero, events.rflags(2) & zero]).toEqual([0n, zero]);
  });

  test('overlapping traces record an instruction once; outside of them nothing is recorded', () => {
    guest = new Guest((emu) => {
      emu.traceCode(CODE + 1n, CODE + 2n);
      emu.traceCode(CODE + 2n, CODE + 3n);
    });
    guest.run([0x90, 0x90, 0x90, 0x90, 0x90, RET]);
    expect(rips()).toEqual([CODE + 1n, CODE + 2n, CODE + 3n]);
  });

  test('a helper within traced code is both', () => {
    guest = new Guest((emu) => {
      emu.hookHelpers([HELPERS, CODE + 0x10n]);
      emu.setHelperPolicy(0, POLICY);
      emu.setHelperPolicy(1, POLICY);
      trace(emu);
    });
    guest.run([...call(CODE, HELPERS), ...call(CODE + 5n, CODE + 0x10n), RET], { rdi: 6n });
    expect(kinds()).toEqual([INSN, HELPER, INSN, INSN, HELPER, INSN]);
    const { events } = guest.emu;
    expect([events.index(1), events.rip(1), events.reg(1, REG.rdi)]).toEqual([0, HELPERS, 6n]);
    expect([events.index(4), events.rip(4), events.reg(4, REG.rsp)]).toEqual([1, CODE + 0x10n, TOP - 8n]);
  });
});

describe('a full buffer', () => {
  const three = [0x90, 0x90, RET];
  const four = [0x90, 0x90, 0x90, RET];

  test('ends the run', () => {
    guest = new Guest(trace, { eventCapacity: 3 });
    expect(guest.run(three).kind).toBe('ok');
    expect([guest.emu.eventCount, guest.emu.eventsLost]).toEqual([3, false]);
    expect(guest.run(four)).toMatchObject({ kind: 'events-full', rip: CODE + 3n, exact: true });
    expect([guest.emu.eventCount, guest.emu.eventsLost]).toEqual([3, true]);
    expect(guest.run(three).kind).toBe('ok');
    expect(guest.emu.eventsLost).toBe(false);
  });

  test('ends the run from a memory access too', () => {
    guest = new Guest(watch, { eventCapacity: 1 });
    // push rax; push rax; ret
    const status = guest.run([0x50, 0x50, RET]);
    expect(status.kind).toBe('events-full');
    expect(status.rip).toBe(status.exact ? CODE + 1n : CODE);
    expect(guest.run([RET]).kind).toBe('ok');
  });

  test('and in traced code says where', () => {
    guest = new Guest(
      (emu) => {
        watch(emu);
        trace(emu);
      },
      { eventCapacity: 3 },
    );
    // nop; push rax; ret
    expect(guest.run([0x90, 0x50, RET])).toMatchObject({ kind: 'events-full', rip: CODE + 2n, exact: true });
    // nop; nop; push rax; ret
    expect(guest.run([0x90, 0x90, 0x50, RET])).toMatchObject({ kind: 'events-full', rip: CODE + 2n, exact: true });
  });

  test('or keeps the newest', () => {
    guest = new Guest(trace, { eventCapacity: 3, stopWhenFull: false });
    expect(guest.run(four).kind).toBe('ok');
    expect([guest.emu.eventCount, guest.emu.eventsLost, guest.emu.events.total]).toEqual([3, true, 4]);
    expect(rips()).toEqual([CODE + 1n, CODE + 2n, CODE + 3n]);
  });
});
