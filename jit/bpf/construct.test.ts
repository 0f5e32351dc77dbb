import { expect, test } from '@jest/globals';
import { bpf, type Insn, printInsn } from './index';
import { HELPERS } from './names';

/** Names of the constructors and what they print as, by width. */
const BINARY = {
  mov: '=',
  add: '+=',
  sub: '-=',
  mul: '*=',
  div: '/=',
  sdiv: 's/=',
  mod: '%=',
  smod: 's%=',
  or: '|=',
  and: '&=',
  xor: '^=',
  lsh: '<<=',
  rsh: '>>=',
  arsh: 's>>=',
} as const;

const CONDITIONS = {
  jeq: '==',
  jne: '!=',
  jgt: '>',
  jge: '>=',
  jlt: '<',
  jle: '<=',
  jsgt: 's>',
  jsge: 's>=',
  jslt: 's<',
  jsle: 's<=',
  jset: '&',
} as const;

const keys = <T extends object>(table: T): (keyof T)[] => Object.keys(table) as (keyof T)[];

test.each(keys(BINARY))('%s', (name) => {
  expect(printInsn(bpf[`${name}64`]('r1', 'r2'))).toBe(`r1 ${BINARY[name]} r2`);
  expect(printInsn(bpf[`${name}64`]('r1', 7))).toBe(`r1 ${BINARY[name]} 7`);
  expect(printInsn(bpf[`${name}32`]('r1', 'r2'))).toBe(`w1 ${BINARY[name]} w2`);
  expect(printInsn(bpf[`${name}32`]('r1', 7))).toBe(`w1 ${BINARY[name]} 7`);
});

test.each(keys(CONDITIONS))('%s', (name) => {
  expect(printInsn(bpf[`${name}64`]('r1', 'r2', 3))).toBe(`if r1 ${CONDITIONS[name]} r2 goto +3`);
  expect(printInsn(bpf[`${name}32`]('r1', 7, -3))).toBe(`if w1 ${CONDITIONS[name]} 7 goto -3`);
});

test.each<[Insn, string]>([
  [bpf.neg64('r1'), 'r1 = -r1'],
  [bpf.neg32('r1'), 'w1 = -w1'],
  [bpf.le('r1', 16), 'r1 = le16 r1'],
  [bpf.be('r1', 32), 'r1 = be32 r1'],
  [bpf.bswap('r1', 64), 'r1 = bswap64 r1'],
  [bpf.movsx64('r1', 'r2', 32), 'r1 = (s32)r2'],
  [bpf.movsx32('r1', 'r2', 8), 'w1 = (s8)w2'],
  [bpf.castToKernel('r1', 'r2'), 'r1 = addr_space_cast(r2, 0, 1)'],
  [bpf.castToUser('r1', 'r2'), 'r1 = addr_space_cast(r2, 1, 0)'],
  [bpf.ldx8('r1', 'r2'), 'r1 = *(u8 *)(r2 + 0)'],
  [bpf.ldx16('r1', 'r2', 2), 'r1 = *(u16 *)(r2 + 2)'],
  [bpf.ldxs8('r1', 'r2', 1), 'r1 = *(s8 *)(r2 + 1)'],
  [bpf.ldxs32('r1', 'r2', -4), 'r1 = *(s32 *)(r2 - 4)'],
  [bpf.stx16('r10', -8, 'r2'), '*(u16 *)(r10 - 8) = r2'],
  [bpf.st32('r10', -8, -1), '*(u32 *)(r10 - 8) = -1'],
  [bpf.atomicAdd64('r1', 8, 'r2'), 'lock *(u64 *)(r1 + 8) += r2'],
  [bpf.fetchXor32('r1', 8, 'r2'), 'w2 = atomic_fetch_xor((u32 *)(r1 + 8), w2)'],
  [bpf.xchg64('r1', 8, 'r2'), 'r2 = atomic64_xchg((u64 *)(r1 + 8), r2)'],
  [bpf.cmpxchg32('r1', 8, 'r2'), 'w0 = atomic_cmpxchg((u32 *)(r1 + 8), w0, w2)'],
  [bpf.loadAcquire16('r1', 'r2', 8), 'w1 = load_acquire((u16 *)(r2 + 8))'],
  [bpf.storeRelease64('r1', 8, 'r2'), 'store_release((u64 *)(r1 + 8), r2)'],
  [bpf.ldImm64('r1', 5), 'r1 = 0x5 ll'],
  [bpf.exit(), 'exit'],
])('%j: %s', (insn, text) => {
  expect(printInsn(insn)).toBe(text);
});

test('helpers go by id or by name', () => {
  expect(bpf.callHelper('bpf_tail_call')).toEqual(bpf.callHelper(12));
  expect(bpf.callHelper('bpf_nothing').imm).toBe(0);
});

test.each([
  [1, 'bpf_map_lookup_elem'],
  [5, 'bpf_ktime_get_ns'],
  [12, 'bpf_tail_call'],
  [181, 'bpf_loop'],
  [211, 'bpf_cgrp_storage_delete'],
])('helper %i is %s', (id, name) => {
  expect(HELPERS.name(id)).toBe(name);
  expect(HELPERS.id(name)).toBe(id);
});
