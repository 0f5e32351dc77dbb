import { afterEach, describe, expect, test } from '@jest/globals';
import { type Emu, type ExceptionTableEntry, Prot, REG, type RegName } from './index';
import { CODE, EVERYWHERE, Guest, le, RET, STACK, STACK_SIZE } from './testing';

const NOWHERE = 0x1234_0000n;
const NOT_CANONICAL = 1n << 63n;
const EDGE = STACK + BigInt(STACK_SIZE);
const GUARD = STACK + 0x5000n;
const NOPS = [0x90, 0x90, 0x90];
/** Where the instruction after {@link NOPS} is. */
const AT = CODE + 3n;
/** mov edx, 7; ret */
const THEN = [0xba, ...le(7, 4), RET];

let guest: Guest;
afterEach(() => guest.emu.close());

const entry = (insn: bigint, size: number, zero: RegName | null): ExceptionTableEntry => ({
  insn,
  resume: insn + BigInt(size),
  zero: zero === null ? null : REG[zero],
});

/** With nothing hooked but what the table needs, and with everything. */
const HOOKS: readonly [string, (emu: Emu) => void][] = [
  ['untraced', () => {}],
  ['watched', (emu) => emu.watchMemory(...EVERYWHERE)],
  ['traced', (emu) => emu.traceCode(CODE, CODE + 0x1fffn)],
  [
    'traced and watched',
    (emu) => {
      emu.traceCode(CODE, CODE + 0x1fffn);
      emu.watchMemory(...EVERYWHERE);
    },
  ],
];

function open(hook: (emu: Emu) => void, ...entries: ExceptionTableEntry[]): Guest {
  guest = new Guest((emu) => {
    hook(emu);
    emu.exceptionTable(entries);
  });
  guest.emu.map(GUARD, 0x1000, Prot.NONE);
  return guest;
}

const registers = () => Object.fromEntries(Object.entries(REG).map(([name, i]) => [name, guest.emu.regs[i]!]));

describe.each(HOOKS)('%s', (_, hook) => {
  test.each([
    ['movzx rax, byte [rdi]', [0x48, 0x0f, 0xb6, 0x07]],
    ['movzx rax, word [rdi]', [0x48, 0x0f, 0xb7, 0x07]],
    ['mov eax, [rdi]', [0x8b, 0x07]],
    ['mov rax, [rdi]', [0x48, 0x8b, 0x07]],
    ['movsx rax, byte [rdi]', [0x48, 0x0f, 0xbe, 0x07]],
    ['movsx rax, word [rdi]', [0x48, 0x0f, 0xbf, 0x07]],
    ['movsxd rax, dword [rdi]', [0x48, 0x63, 0x07]],
  ])('%s: the register is cleared, nothing else changes', (_, code) => {
    open(hook, entry(AT, code.length, 'rax'));
    const names = Object.keys(REG).slice(0, 16) as RegName[];
    const values = Object.fromEntries(names.map((name, i) => [name, 0xf000_0000_0000_0000n + BigInt(i)]));
    const whole = BigInt(code.includes(0xb6) || code.includes(0xbe) ? 0 : 1);
    for (const rdi of [NOWHERE, NOT_CANONICAL, EDGE, EDGE - whole, GUARD]) {
      // CF and ZF, as a compare before the load leaves them
      expect(guest.run([...NOPS, ...code, ...THEN], { ...values, rdi, rflags: 0x43n }).kind).toBe('ok');
      expect(registers()).toMatchObject({ ...values, rdi, rax: 0n, rdx: 7n, rsp: guest.reg('rsp'), rflags: 0x43n });
    }
    guest.stack.fill(0x11);
    guest.run([...NOPS, ...code, ...THEN], { rdi: STACK });
    expect(guest.reg('rax') & 0xffn).toBe(0x11n);
  });

  test.each([
    ['mov [rdi], sil', [0x40, 0x88, 0x37]],
    ['mov [rdi], si', [0x66, 0x89, 0x37]],
    ['mov [rdi], esi', [0x89, 0x37]],
    ['mov [rdi], rsi', [0x48, 0x89, 0x37]],
    ['mov qword [rdi], imm', [0x48, 0xc7, 0x07, ...le(-2, 4)]],
    ['lock xadd [rdi], rsi', [0xf0, 0x48, 0x0f, 0xc1, 0x37]],
    ['lock cmpxchg [rdi], rsi', [0xf0, 0x48, 0x0f, 0xb1, 0x37]],
    ['lock xchg [rdi], rsi', [0xf0, 0x48, 0x87, 0x37]],
    ['lock add [rdi], rsi', [0xf0, 0x48, 0x01, 0x37]],
  ])('%s: nothing is stored, no register changes', (_, code) => {
    open(hook, entry(AT, code.length, null));
    // All but the last byte of the widest access are inside.
    for (const rdi of [NOWHERE, NOT_CANONICAL, GUARD, EDGE, EDGE - 1n, EDGE - 3n, EDGE - 7n]) {
      guest.stack.fill(0x5a);
      const registers = { rax: 0x5a5a5a5a5a5a5a5an, rdi, rsi: 0xfedcba9876543210n };
      const size = code[0] === 0x40 ? 1n : code[0] === 0x66 ? 2n : code[0] === 0x89 ? 4n : 8n;
      if (rdi < EDGE && rdi + size <= EDGE && rdi >= STACK) continue;
      expect(guest.run([...NOPS, ...code, ...THEN], registers).kind).toBe('ok');
      for (const [name, value] of Object.entries(registers)) expect(guest.reg(name as RegName)).toBe(value);
      expect(guest.reg('rdx')).toBe(7n);
      expect(guest.stack.subarray(STACK_SIZE - 64).every((byte) => byte === 0x5a)).toBe(true);
    }
  });

  test('a fault beside an entry ends the run there', () => {
    const load = [0x48, 0x8b, 0x07];
    open(hook, entry(AT, 3, 'rax'));
    // The entry's load is fine; the one before it, or behind it, faults.
    for (const code of [
      [0x48, 0x8b, 0x1e, ...load, RET],
      [...NOPS, ...load, 0x48, 0x8b, 0x1e, RET],
      [...NOPS, ...load, 0x90, 0x48, 0x8b, 0x1e, RET],
    ]) {
      const status = guest.run(code, { rdi: STACK, rsi: NOWHERE, rax: 5n, rbx: 6n });
      expect(status).toMatchObject({ kind: 'fault', access: 'read', address: NOWHERE });
      if (status.exact) expect(status.rip).not.toBe(AT);
      expect(guest.reg('rbx')).toBe(6n);
    }
    // Both fault: the first is handled, the second is not.
    const status = guest.run([...NOPS, ...load, 0x48, 0x89, 0x1e, RET], { rdi: NOWHERE, rsi: NOWHERE + 8n, rax: 5n });
    expect(status).toMatchObject({ kind: 'fault', access: 'write', address: NOWHERE + 8n, size: 8 });
    expect(guest.reg('rax')).toBe(0n);
  });

  test('a jump to nowhere right behind an entry is a fault', () => {
    open(hook, entry(AT, 3, 'rax'));
    const status = guest.run([...NOPS, 0x48, 0x8b, 0x07, 0xff, 0xe6], { rdi: NOWHERE, rsi: NOWHERE });
    expect(status).toMatchObject({ kind: 'fault', access: 'fetch', rip: NOWHERE });
  });

  test('entries in a row, in a loop, run after run', () => {
    // mov rax, [rdi]; mov rcx, [rdi]; dec rbx; jnz -11; ret
    const code = [0x48, 0x8b, 0x07, 0x48, 0x8b, 0x0f, 0x48, 0xff, 0xcb, 0x75, 0xf5, RET];
    open(hook, entry(CODE, 3, 'rax'), entry(CODE + 3n, 3, 'rcx'));
    for (let i = 0; i < 3; i++) {
      const status = guest.run(code, { rdi: NOWHERE, rbx: 1000n, rax: 1n, rcx: 2n });
      expect([status.kind, guest.reg('rax'), guest.reg('rcx'), guest.reg('rbx')]).toEqual(['ok', 0n, 0n, 0n]);
    }
    expect(guest.run(code, { rdi: STACK, rbx: 1n }).kind).toBe('ok');
  });
});

test('a loop of faults uses up the budget', () => {
  guest = new Guest((emu) => emu.exceptionTable([entry(CODE, 3, 'rax')]), { blockBudget: 1000 });
  // mov rax, [rdi]; jmp -5
  expect(guest.run([0x48, 0x8b, 0x07, 0xeb, 0xfb], { rdi: NOWHERE }).kind).toBe('budget');
});

test('more entries than hooks, near and far from each other', () => {
  const count = 200;
  const entries = Array.from({ length: count }, (_, i) => entry(CODE + BigInt(7 * i), 3, 'rax'));
  guest = new Guest((emu) => emu.exceptionTable(entries));
  // mov rax, [rdi]; inc rbx; nop
  const code = Array.from({ length: count }, () => [0x48, 0x8b, 0x07, 0x48, 0xff, 0xc3, 0x90]).flat();
  expect(guest.run([...code, RET], { rdi: NOWHERE, rax: 9n }).kind).toBe('ok');
  expect([guest.reg('rax'), guest.reg('rbx')]).toEqual([0n, BigInt(count)]);
});

test('the events of a skipped instruction are marked, and only those', () => {
  open(HOOKS[3]![1], entry(CODE + 3n, 3, null));
  // mov [rsi], rbx; mov [rdi], rbx; mov [rsi], rbx; ret
  const code = [0x48, 0x89, 0x1e, 0x48, 0x89, 0x1f, 0x48, 0x89, 0x1e, RET];
  expect(guest.run(code, { rdi: EDGE - 4n, rsi: STACK }).kind).toBe('ok');
  const { events } = guest.emu;
  const accesses = Array.from({ length: events.count }, (_, i) => i).filter((i) => !events.faults(i) && events.size(i));
  const seen = accesses.map((i) => [events.rip(i), events.skipped(i)] as const);
  for (const [rip, skipped] of seen) expect(skipped).toBe(rip === CODE + 3n);
  expect(seen.some(([rip]) => rip === CODE + 6n)).toBe(true);
});

test.each([
  ['no entry', []],
  ['the same instruction twice', [entry(CODE, 3, 'rax'), entry(CODE, 3, 'rcx')]],
  ['entries that overlap', [entry(CODE, 3, 'rax'), entry(CODE + 2n, 3, 'rcx')]],
  ['an instruction without bytes', [entry(CODE, 0, 'rax')]],
  ['rip cleared', [{ ...entry(CODE, 3, 'rax'), zero: REG.rip }]],
])('%s is refused', (_, entries) => {
  guest = new Guest((emu) => {
    expect(() => emu.exceptionTable(entries)).toThrow(/exceptionTable|zero must be/);
  });
});
