import { describe, expect, test } from '@jest/globals';
import { bpf, type Insn, type Program, parseAsm } from '../bpf';
import { analyse } from './analyse';
import type { TailCallSlot } from './facts';
import { scanSubprog } from './scan';

function program(text: string): Program {
  const parsed = parseAsm(text, { maps: ['jumps', 'others'] });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
  return parsed.program;
}

const scan = (text: string) => scanSubprog(program(text), 0);

describe('own depth, and the slot that needs it', () => {
  test.each<[what: string, body: string, depth: number, pc: number]>([
    ['no access', 'r0 = 0', 0, -1],
    ['a load', 'r0 = *(u32 *)(r10 - 8)', 8, 0],
    ['a store of a register', '*(u8 *)(r10 - 16) = r0', 16, 0],
    ['a store of a number', '*(u64 *)(r10 - 512) = 1', 512, 0],
    ['an atomic operation', 'lock *(u64 *)(r10 - 24) += r0', 24, 0],
    ['a load-acquire', 'r0 = load_acquire((u64 *)(r10 - 32))', 32, 0],
    ['the deepest counts', '*(u64 *)(r10 - 8) = 1; *(u64 *)(r10 - 64) = 1; *(u64 *)(r10 - 16) = 1', 64, 1],
    ['at -48', '*(u8 *)(r10 - 48) = 1', 48, 0],
    ['at -49, rounded up', '*(u8 *)(r10 - 49) = 1', 56, 0],
    ['at -56', '*(u64 *)(r10 - 56) = 1', 56, 0],
    ['upwards of the frame pointer', '*(u64 *)(r10 + 8) = 1', 0, -1],
    ['slots, not instructions', 'r1 = 0x1122334455667788 ll; *(u64 *)(r10 - 8) = r1', 8, 2],

    ['through a copy', 'r1 = r10; *(u64 *)(r1 - 72) = 1', 72, 1],
    ['through a copy plus a number', 'r1 = r10; r1 += -64; *(u64 *)(r1 - 16) = 1', 80, 2],
    ['through a copy minus a number', 'r1 = r10; r1 -= 64; *(u64 *)(r1 + 16) = 1', 48, 2],
    ['through a sum of registers', 'r2 = -40; r1 = r10; r1 += r2; *(u64 *)(r1 + 0) = 1', 40, 3],
    ['through a number plus the pointer', 'r1 = -40; r1 += r10; *(u64 *)(r1 + 0) = 1', 40, 2],
    ['through a difference of registers', 'r2 = 40; r1 = r10; r1 -= r2; *(u64 *)(r1 + 0) = 1', 40, 3],
    ['through a copy of a copy', 'r6 = r10; r6 += -8; r7 = r6; r7 += -8; r0 = *(u8 *)(r7 + 0)', 16, 4],
    ['into an array', 'r1 = r10; r1 += r0; *(u8 *)(r1 - 256) = 1', 256, 2],
    ['a pointer that is never used', 'r1 = r10; r1 += -64', 0, -1],
    ['after the lower half is all that is left', 'r1 = r10; r1 += -64; w1 = w1; *(u64 *)(r1 + 0) = 1', 0, -1],
    ['after it is overwritten', 'r1 = r10; r1 += -64; r1 = *(u64 *)(r1 + 56); *(u64 *)(r1 - 64) = 1', 8, 2],
    ['after a fetch', 'r1 = r10; r1 += -64; lock *(u64 *)(r10 - 8) ^= r10; *(u64 *)(r1 + 0) = 1', 64, 3],
    [
      'a caller-saved pointer after a call',
      'r1 = r10; r1 += -64; r1 = 0; call bpf_ktime_get_ns; *(u64 *)(r1 + 0) = 1',
      0,
      -1,
    ],
    ['a callee-saved pointer after a call', 'r6 = r10; r6 += -64; call bpf_ktime_get_ns; *(u64 *)(r6 + 0) = 1', 64, 3],

    ['handed to a helper', 'r2 = r10; r2 += -12; call bpf_map_lookup_elem', 16, 2],
    ['not handed to a helper', 'r6 = r10; r6 += -12; call bpf_map_lookup_elem', 0, -1],

    ['on one path', 'r1 = r10; if r0 == 0 goto l; r1 += -64; l: *(u64 *)(r1 - 8) = 1', 72, 3],
    ['on the other path', 'r1 = r10; r1 += -64; if r0 == 0 goto l; r1 += 64; l: *(u64 *)(r1 - 8) = 1', 72, 4],
    [
      'or nothing',
      'r1 = 0; if r0 == 0 goto l; r1 = r10; r1 += -64; l: if r1 == 0 goto out; *(u64 *)(r1 + 0) = 1; out: r0 = 0',
      64,
      5,
    ],
    ['upwards in a loop', 'r1 = r10; r1 += -512; l: *(u64 *)(r1 + 0) = 1; r1 += 8; if r1 != r10 goto l', 512, 2],
    ['downwards in a loop: once', 'r1 = r10; l: r1 += -8; *(u64 *)(r1 + 0) = 1; r2 -= 1; if r2 != 0 goto l', 8, 2],
    ['out of reach', 'goto l; *(u64 *)(r10 - 64) = 1; l: r0 = 0', 0, -1],
    ['after an exit', 'exit; *(u64 *)(r10 - 64) = 1', 0, -1],
    ['after a throw', '*(u64 *)(r10 - 8) = 1; call bpf_throw; *(u64 *)(r10 - 64) = 1', 8, 0],
    ['after may_goto', 'may_goto l; *(u64 *)(r10 - 64) = 1; l: r0 = 0', 64, 1],
    ['after gotol', 'gotol l; *(u64 *)(r10 - 64) = 1; l: *(u64 *)(r10 - 16) = 1', 16, 2],
  ])('%s', (_, body, depth, pc) => {
    expect(scan(`${body}; exit`)).toMatchObject({ ownDepth: depth, deepestPc: pc });
  });

  test('a pointer handed to a subprog', () => {
    expect(scan('r1 = r10; r1 += -32; call sub; exit; sub: r0 = 0; exit')).toMatchObject({ ownDepth: 32 });
  });
});

describe('tail calls', () => {
  const MAP = 'r2 = map[jumps] ll;';
  const slot = (map: number, index: number) => ({ map, index });
  test.each<[what: string, body: string, slots: (TailCallSlot | null)[]]>([
    ['none', 'r0 = 0', []],
    ['a constant index', `${MAP} r3 = 1; call bpf_tail_call`, [slot(0, 1)]],
    ['a constant index of 32 bits', `${MAP} w3 = 1; call bpf_tail_call`, [slot(0, 1)]],
    ['a negative index', `${MAP} r3 = -1; call bpf_tail_call`, [null]],
    ['a negative index of 32 bits', `${MAP} w3 = -1; call bpf_tail_call`, [null]],
    ['more than 32 bits', `${MAP} r3 = 0x100000001 ll; call bpf_tail_call`, [null]],
    ['a variable index', `${MAP} r3 = *(u32 *)(r1 + 0); call bpf_tail_call`, [null]],
    ['another map', 'r2 = map[others] ll; r3 = 1; call bpf_tail_call', [slot(1, 1)]],
    ['an unknown map', 'r2 = r6; r3 = 1; call bpf_tail_call', [null]],
    ['one of two maps', `r3 = 1; r2 = map[others] ll; if r1 == 0 goto l; ${MAP} l: call bpf_tail_call`, [null]],
    ['one of two indices', `r3 = 1; if r1 == 0 goto l; r3 = 2; l: ${MAP} call bpf_tail_call`, [null]],
    ['one index on two paths', `r3 = 1; if r1 == 0 goto l; r3 = 1; l: ${MAP} call bpf_tail_call`, [slot(0, 1)]],
    ['two', `${MAP} r3 = r1; call bpf_tail_call; ${MAP} r3 = 1; call bpf_tail_call`, [null, slot(0, 1)]],
    ['out of reach', `exit; ${MAP} r3 = 1; call bpf_tail_call`, [null]],
  ])('%s', (_, body, slots) => {
    expect(scan(`${body}; exit`).tailCalls).toEqual(slots);
  });

  const two = program(`main: ${MAP} r3 = 3; call bpf_tail_call; ${MAP} r3 = 4; call bpf_tail_call; exit`);
  test.each<[what: string, entries: [string, number][], kinds: string[], indices: number[]]>([
    ['of unknown size', [['others', 1]], ['direct', 'direct'], [3, 4]],
    ['large enough for both', [['jumps', 5]], ['direct', 'direct'], [3, 4]],
    ['large enough for one', [['jumps', 4]], ['direct', 'indirect'], [3]],
    ['too small', [['jumps', 3]], ['indirect', 'indirect'], []],
  ])('a slot is patched when it exists: an array %s', (_, entries, kinds, indices) => {
    const { subprogs, pokes } = analyse(two, 'none', { type: 'xdp', arrayEntries: new Map(entries) });
    expect(subprogs[0]!.tailCalls).toEqual(kinds);
    expect(pokes).toEqual([indices.map((index) => slot(0, index))]);
  });
});

describe('asynchronous callbacks', () => {
  test.each<[what: string, body: string, callbacks: number[]]>([
    ['of a timer', 'r2 = cb ll; call bpf_timer_set_callback', [1]],
    ['of a work queue', 'r2 = cb ll; call bpf_wq_set_callback_impl', [1]],
    ['kept for a while', 'r6 = cb ll; call bpf_ktime_get_ns; r2 = r6; call bpf_timer_set_callback', [1]],
    ['in another argument', 'r3 = cb ll; call bpf_timer_set_callback', []],
    ['of a helper that calls it at once', 'r2 = cb ll; call bpf_loop', []],
  ])('%s', (_, body, callbacks) => {
    expect(scan(`main: ${body}; exit; cb: r0 = 0; exit`).asyncCallbacks).toEqual(callbacks);
  });
});

test.each([
  ['call bpf_throw', [0]],
  ['if r1 == 0 goto +1; call bpf_throw; call bpf_throw', [1, 2]],
  ['exit; call bpf_throw', []],
  ['call bpf_ktime_get_ns', []],
])('%s: throws at %j', (body, throws) => {
  expect(scan(`${body}; exit`).throws).toEqual(throws);
});

describe('100,000 instructions take well under a second', () => {
  const many = (count: number, of: (i: number) => Insn[]): Insn[] =>
    Array.from({ length: count }, (_, i) => of(i)).flat();
  test.each<[what: string, insns: Insn[]]>([
    ['in a row', many(100_000, () => [bpf.add64('r1', 1)])],
    ['of jumps', many(100_000, () => [bpf.jeq64('r1', 0, 0)])],
    [
      'of branches that lower a pointer',
      many(50_000, (i) => [bpf.jeq64('r2', 0, 1), bpf.add64('r1', -(1 << (i % 20)))]),
    ],
    [
      'in nested loops',
      [...many(30_000, () => [bpf.sub64('r1', 1)]), ...many(15_000, (i) => [bpf.jeq64('r2', 0, -2 * i - 2)])],
    ],
  ])('%s', (_, insns) => {
    const main = { name: 'main', insns: [bpf.mov64('r1', 'r10'), ...insns, bpf.exit()] };
    const start = performance.now();
    scanSubprog({ name: 'prog', subprogs: [main], kfuncs: [], maps: [] }, 0);
    expect(performance.now() - start).toBeLessThan(1000);
  });
});
