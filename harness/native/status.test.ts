import { afterAll, describe, expect, test } from '@jest/globals';
import { Prot } from './index';
import { CODE, Guest, HELPERS, le, RET, STACK, STACK_SIZE, STOP } from './testing';

const NOWHERE = 0x1234_0000n;
const GUARD = STACK + 0x5000n;
const NOPS = [0x90, 0x90, 0x90];
/** Where the instruction after {@link NOPS} is. */
const AT = CODE + 3n;
const LOAD = [...NOPS, 0x48, 0x8b, 0x07, RET];
const STORE = [...NOPS, 0x48, 0x89, 0x07, RET];
const JUMP = [...NOPS, 0xff, 0xe7];
const DIV = [...NOPS, 0x48, 0xf7, 0xf1, RET];

const guard = (guest: Guest): Guest => {
  guest.emu.map(GUARD, 0x1000, Prot.NONE);
  return guest;
};
const plain = guard(new Guest(() => {}, { blockBudget: 1000 }));
const traced = guard(new Guest((emu) => emu.traceCode(CODE, CODE + 0x1fffn)));
afterAll(() => {
  plain.emu.close();
  traced.emu.close();
});

describe('faults', () => {
  const fault = { kind: 'fault', size: 8, exact: true, rip: AT };
  test.each([
    ['load from nowhere', LOAD, NOWHERE, { ...fault, access: 'read', reason: 'unmapped', address: NOWHERE }],
    ['store to nowhere', STORE, NOWHERE, { ...fault, access: 'write', reason: 'unmapped', address: NOWHERE }],
    ['load from a guard page', LOAD, GUARD, { ...fault, access: 'read', reason: 'protected', address: GUARD }],
    ['store to a guard page', STORE, GUARD, { ...fault, access: 'write', reason: 'protected', address: GUARD }],
    ['store to code', STORE, HELPERS, { ...fault, access: 'write', reason: 'protected', address: HELPERS }],
    ['load of no canonical address', LOAD, 1n << 63n, { ...fault, access: 'read', address: 1n << 63n }],
    [
      'jump to nowhere',
      JUMP,
      NOWHERE,
      { kind: 'fault', access: 'fetch', reason: 'unmapped', rip: NOWHERE, exact: true },
    ],
    ['jump to data', JUMP, STACK, { kind: 'fault', access: 'fetch', reason: 'protected', rip: STACK, exact: true }],
    ['jump to a guard page', JUMP, GUARD, { kind: 'fault', access: 'fetch', reason: 'protected', address: GUARD }],
  ])('%s, precise in traced code', (_, code, rdi, want) => {
    expect(traced.run(code, { rdi })).toMatchObject(want);
  });

  test('over the edge of a mapping', () => {
    const edge = STACK + BigInt(STACK_SIZE);
    const status = traced.run(STORE, { rdi: edge - 4n });
    expect(status).toMatchObject({ kind: 'fault', access: 'write', reason: 'unmapped', rip: AT });
  });

  test('of an atomic', () => {
    // lock xadd [rdi], rax
    const status = traced.run([...NOPS, 0xf0, 0x48, 0x0f, 0xc1, 0x07, RET], { rdi: NOWHERE });
    expect(status).toMatchObject({ kind: 'fault', address: NOWHERE, rip: AT, exact: true });
  });

  test('without a trace rip is exact, or says that it is not', () => {
    const status = plain.run(LOAD, { rdi: NOWHERE });
    expect(status).toMatchObject({ kind: 'fault', access: 'read', address: NOWHERE });
    expect(status.rip).toBe(status.exact ? AT : CODE);
  });

  test('of the entry itself', () => {
    expect(plain.emu.run(NOWHERE)).toMatchObject({ kind: 'fault', access: 'fetch', address: NOWHERE, rip: NOWHERE });
  });
});

describe('ends that are no fault', () => {
  test('division by zero traps with vector 0, again and again', () => {
    for (let i = 0; i < 4; i++) expect(plain.run(DIV)).toEqual({ kind: 'trap', vector: 0, rip: AT, exact: true });
  });

  test.each([
    ['int3', [0xcc], { kind: 'trap', vector: 3, rip: AT + 1n }],
    ['int 0x80', [0xcd, 0x80], { kind: 'trap', vector: 0x80, rip: AT + 2n }],
    ['a misaligned cmpxchg16b', [0x48, 0x0f, 0xc7, 0x4e, 0x08], { kind: 'trap', vector: 13, rip: AT }],
    ['ud2', [0x0f, 0x0b], { kind: 'invalid-instruction', rip: AT }],
    ['hlt', [0xf4], { kind: 'elsewhere', rip: AT + 1n }],
    ['an endless loop', [0xeb, 0xfe], { kind: 'budget', rip: AT }],
    ['a long rep in a loop', [0xb9, ...le(0xfff, 4), 0x56, 0x5f, 0xf3, 0xaa, 0xeb, 0xf5], { kind: 'budget' }],
  ])('%s', (_, code, want) => {
    expect(plain.run([...NOPS, ...code], { rsi: STACK })).toMatchObject(want);
    expect(plain.run([RET])).toMatchObject({ kind: 'ok', rip: STOP });
  });

  test('the budget counts blocks', () => {
    // dec rcx; jnz -5; ret
    const loop = [0x48, 0xff, 0xc9, 0x75, 0xfb, RET];
    expect(plain.run(loop, { rcx: 990n }).kind).toBe('ok');
    expect(plain.run(loop, { rcx: 1010n }).kind).toBe('budget');
  });

  test('a start at the stop address ends at once', () => {
    expect(plain.emu.run(STOP)).toMatchObject({ kind: 'ok' });
  });
});
