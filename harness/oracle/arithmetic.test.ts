import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { bpf, type Insn, type Program } from '../../jit';
import { interpret } from './index';
import { fromBits, NAIVE, NAIVE_CONDITIONS, naiveSignExtend, naiveSwap, toBits } from './testing';

/** Where definitions differ: signs, carries, the ends of the ranges, and both halves of a register. */
const EDGES: readonly bigint[] = [
  0n,
  1n,
  7n,
  33n,
  64n,
  0x80n,
  0x7fff_ffffn,
  0x8000_0000n,
  0xffff_ffffn,
  0x1_0000_0000n,
  0x8000_0000_7fff_ffffn,
  0x7fff_ffff_ffff_ffffn,
  0x8000_0000_0000_0000n,
  0xffff_ffff_8000_0000n,
  0xffff_ffff_ffff_ffffn,
];
const IMMEDIATES = [0, 1, -1, 2, 31, 32, 63, 64, 127, -128, 0x7fff_ffff, -0x8000_0000, -0x7fff_ffff];

const value = fc.oneof(fc.constantFrom(...EDGES), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }));
const immediate = fc.oneof(fc.constantFrom(...IMMEDIATES), fc.integer());

const programOf = (insns: readonly Insn[]): Program => ({
  name: 'prog',
  subprogs: [{ name: 'main', insns }],
  kfuncs: [],
  maps: [],
});

/** r0 of a program whose r1 and r2 are given. */
function r0Of(insns: readonly Insn[], args: readonly bigint[]): bigint {
  const result = interpret(programOf([...insns, bpf.exit()]), { args });
  if (result.kind !== 'exit') throw new Error(result.kind);
  return result.r0;
}

type Binary = (dst: bpf.Register, operand: bpf.Register | number) => Insn;
type Conditional = (dst: bpf.Register, operand: bpf.Register | number, distance: number) => Insn;
const make = <T>(name: string): T => (bpf as unknown as Record<string, T>)[name]!;

const withRegister = (insn: Binary, dst: bigint, operand: bigint): bigint =>
  r0Of([insn('r1', 'r2'), bpf.mov64('r0', 'r1')], [dst, operand]);
const withImmediate = (insn: Binary, dst: bigint, operand: number): bigint =>
  r0Of([insn('r1', operand), bpf.mov64('r0', 'r1')], [dst]);

const extended = (imm: number): bigint => BigInt.asUintN(64, BigInt(imm));

/** Every pair of edges, then random pairs. */
function forPairs(law: (dst: bigint, operand: bigint) => void): void {
  for (const dst of EDGES) for (const operand of EDGES) law(dst, operand);
  fc.assert(fc.property(value, value, law), { numRuns: 60 });
}

function forImmediates(law: (dst: bigint, operand: number) => void): void {
  for (const dst of EDGES) for (const operand of IMMEDIATES) law(dst, operand);
  fc.assert(fc.property(value, immediate, law), { numRuns: 60 });
}

describe.each([64, 32])('%d-bit arithmetic is what the definition says bit by bit', (width) => {
  test.each(Object.keys(NAIVE))('%s', (name) => {
    const insn = make<Binary>(`${name}${width}`);
    const naive = (dst: bigint, operand: bigint) => fromBits(NAIVE[name]!(toBits(dst, width), toBits(operand, width)));
    forPairs((dst, operand) => expect(withRegister(insn, dst, operand)).toBe(naive(dst, operand)));
    forImmediates((dst, operand) => expect(withImmediate(insn, dst, operand)).toBe(naive(dst, extended(operand))));
  });

  test('neg', () => {
    const insn = make<(dst: bpf.Register) => Insn>(`neg${width}`);
    const run = (dst: bigint) => r0Of([insn('r1'), bpf.mov64('r0', 'r1')], [dst]);
    const naive = (dst: bigint) => fromBits(NAIVE.sub!(toBits(0n, width), toBits(dst, width)));
    for (const dst of EDGES) expect(run(dst)).toBe(naive(dst));
    fc.assert(fc.property(value, (dst) => expect(run(dst)).toBe(naive(dst))));
  });
});

test.each([
  ['div64', 5n, 0n, 0n],
  ['mod64', 5n, 0n, 5n],
  ['sdiv64', 2n ** 63n, 2n ** 64n - 1n, 2n ** 63n],
  ['smod64', 2n ** 63n, 2n ** 64n - 1n, 0n],
  ['sdiv64', 2n ** 64n - 13n, 3n, 2n ** 64n - 4n],
  ['smod64', 2n ** 64n - 13n, 3n, 2n ** 64n - 1n],
  ['smod64', 13n, 2n ** 64n - 3n, 1n],
  ['div32', 0xffff_ffff_0000_0005n, 0n, 0n],
  ['mod32', 0xffff_ffff_0000_0005n, 0xffff_ffff_0000_0000n, 5n],
  ['sdiv32', 0x8000_0000n, 0xffff_ffffn, 0x8000_0000n],
  ['smod32', 0x8000_0000n, 0xffff_ffffn, 0n],
  ['smod32', 0xffff_fff3n, 3n, 0xffff_ffffn],
  ['arsh32', 0x8000_0000n, 33n, 0xc000_0000n],
  ['lsh64', 1n, 65n, 2n],
] as const)('%s of %x and %x', (name, dst, operand, expected) => {
  expect(withRegister(make<Binary>(name), dst, operand)).toBe(expected);
});

describe.each([64, 32])('%d-bit conditions are what the definition says bit by bit', (width) => {
  test.each(Object.keys(NAIVE_CONDITIONS))('%s', (name) => {
    const insn = make<Conditional>(`${name}${width}`);
    const taken = (operand: bpf.Register | number, args: readonly bigint[]) =>
      r0Of([bpf.mov64('r0', 1), insn('r1', operand, 1), bpf.mov64('r0', 0)], args) === 1n;
    const naive = (dst: bigint, operand: bigint) => NAIVE_CONDITIONS[name]!(toBits(dst, width), toBits(operand, width));
    forPairs((dst, operand) => expect(taken('r2', [dst, operand])).toBe(naive(dst, operand)));
    forImmediates((dst, operand) => expect(taken(operand, [dst])).toBe(naive(dst, extended(operand))));
  });
});

describe('moves and swaps', () => {
  const moved = (insn: Insn) => (args: bigint) => r0Of([insn], [args]);
  const swapped = (insn: Insn) => (args: bigint) => r0Of([bpf.mov64('r0', 'r1'), insn], [args]);

  test.each([
    ...([8, 16, 32] as const).map((bits) => [`movsx64 ${bits}`, bpf.movsx64('r0', 'r1', bits), bits, 64] as const),
    ...([8, 16] as const).map((bits) => [`movsx32 ${bits}`, bpf.movsx32('r0', 'r1', bits), bits, 32] as const),
  ])('%s', (_, insn, from, to) => {
    fc.assert(
      fc.property(value, (v) => expect(moved(insn)(v)).toBe(fromBits(naiveSignExtend(toBits(v, 64), from, to)))),
    );
  });

  test.each(([16, 32, 64] as const).map((bits) => [bits]))('le, be and bswap of %d bits', (bits) => {
    fc.assert(
      fc.property(value, (v) => {
        expect(swapped(bpf.le('r0', bits))(v)).toBe(fromBits(toBits(v, bits)));
        expect(swapped(bpf.be('r0', bits))(v)).toBe(fromBits(naiveSwap(toBits(v, 64), bits)));
        expect(swapped(bpf.bswap('r0', bits))(v)).toBe(fromBits(naiveSwap(toBits(v, 64), bits)));
      }),
    );
  });
});
