import { expect, test } from '@jest/globals';
import { Gpr, MAY_GOTO_THUNKS } from '../../jit';
import { THUNKS } from './may-goto';

const STACK = 0xffffc90000100000n;

/** Guest memory of one page. */
function page() {
  const bytes = new Uint8Array(4096);
  const at = (address: bigint) => Number(address - STACK);
  return {
    view: new DataView(bytes.buffer),
    read: (address: bigint, n: number) => bytes.slice(at(address), at(address) + n),
    write: (address: bigint, data: Uint8Array) => {
      bytes.set(data, at(address));
      return true;
    },
  };
}

function call(rbp: bigint, argument: bigint, nth: number, memory = page(), thunk = MAY_GOTO_THUNKS.offset) {
  const registers = BigUint64Array.from({ length: 16 }, (_, i) => BigInt(i) * 0x1111n);
  registers[Gpr.rbp] = rbp;
  registers[Gpr.rsp] = rbp - 0x100n;
  registers[Gpr.r10] = BigInt.asUintN(64, argument);
  const before = registers.slice();
  const details = { name: 'thunk', nth, seed: 1, memory };
  THUNKS[thunk]!(registers, details);
  return { registers, before, memory };
}

const rbp = STACK + 0x800n;

test('BPF r0 to r9 survive, the new count is in r10, caller-saved registers else are gone', () => {
  const { registers, before } = call(rbp, -16n, 1);
  const { rax, rdi, rsi, rdx, rcx, r8, rbx, r13, r14, r15, r9, r10, r11 } = Gpr;
  for (const kept of [rax, rdi, rsi, rdx, rcx, r8, rbx, r13, r14, r15, Gpr.rbp, Gpr.rsp]) {
    expect(registers[kept]).toBe(before[kept]);
  }
  expect(registers[r10]).toBe(0xffffn);
  for (const lost of [r9, r11]) expect(registers[lost]).not.toBe(before[lost]);
});

test('the loop is cut after a quarter of a second', () => {
  const { memory } = call(rbp, -16n, 1);
  expect(call(rbp, -16n, 250, memory).registers[Gpr.r10]).toBe(0xffffn);
  expect(call(rbp, -16n, 251, memory).registers[Gpr.r10]).toBe(0n);
});

test('a time that lands in a saved slot comes back in that register', () => {
  // rsp is rbp - 0x100, r8 the seventh word below it; count and time begin 8 bytes lower.
  const memory = page();
  const { registers, before } = call(rbp, -0x100n - 0x38n - 8n, 1, memory);
  expect(registers[Gpr.r8]).toBe(before[Gpr.r8]);
  const zeroed = new BigUint64Array(16);
  zeroed[Gpr.rbp] = rbp;
  zeroed[Gpr.rsp] = rbp - 0x100n;
  zeroed[Gpr.r10] = BigInt.asUintN(64, -0x100n - 0x38n - 8n);
  THUNKS[MAY_GOTO_THUNKS.offset]!(zeroed, { name: 'thunk', nth: 1, seed: 1, memory });
  expect(zeroed[Gpr.r8]).toBe(1_001_000_000n);
});

test('the thunk that takes a pointer keeps the time behind it', () => {
  const memory = page();
  const { registers } = call(rbp, STACK + 0x40n, 1, memory, MAY_GOTO_THUNKS.pointer);
  expect(registers[Gpr.r10]).toBe(0xffffn);
  expect(memory.view.getBigUint64(0x48, true)).toBe(1_001_000_000n);
});
