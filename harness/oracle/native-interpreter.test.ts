import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Insn, Program } from '../../jit';
import { calledHelpers } from '../build';
import { caseOf } from '../fuzz/case';
import { BUDGET, expected } from '../fuzz/expected';
import type { Prepared } from '../fuzz/prepare';
import { QuickInterpreter } from '../fuzz/quick';
import { wantedOf } from '../fuzz/wanted';
import { Callee, interpret, NativeInterpreter } from './index';

const BASE = 0xffff888104000000n;
const BYTES = 64;
const native = new NativeInterpreter({ contextBase: BASE, budget: 500 });

const EDGES = [
  0n,
  1n,
  2n,
  0x7fn,
  0x80n,
  0xffffn,
  0x7fffffffn,
  0x80000000n,
  0xffffffffn,
  0x100000000n,
  0x7fffffffffffffffn,
  0x8000000000000000n,
  0xffffffff80000000n,
  0xfffffffffffffffdn,
  0xffffffffffffffffn,
];

const insn = (code: number, dst = 0, src = 0, off = 0, imm = 0): Insn => ({ code, dst, src, off, imm });
const wide = (dst: number, imm64: bigint): Insn => ({ ...insn(0x18, dst), imm64 });

/** Runs instructions in both: how it ended, and where it exited r0, memory and instructions executed. */
function both(insns: readonly Insn[]) {
  const program: Program = { name: 'prog', subprogs: [{ name: 'main', insns }], kfuncs: [], maps: [] };
  const bytes = Uint8Array.from({ length: BYTES }, (_, i) => 7 * i + 130);
  const { r0, regions, executed, kind } = {
    r0: 0n,
    ...interpret(program, { regions: [{ name: 'ctx', base: BASE, bytes }], args: [BASE], budget: 500 }),
  };
  expect(native.load(program.subprogs, () => Callee.OTHER << 8, undefined)).toBe(true);
  const end = native.run(bytes, 1);
  const results = (result: bigint, context: Uint8Array, count: number) => [result, [...context], count];
  return {
    kinds: [end, kind],
    reference: kind === 'exit' ? results(r0, regions.get('ctx')!, executed) : [],
    native: end === 'exit' ? results(native.r0, native.context, native.executed) : [],
  };
}

const OPS = [0x00, 0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0x80, 0x90, 0xa0, 0xb0, 0xc0, 0xd0];

describe('the interpreter in C', () => {
  test.each(OPS)('computes %i of ALU and ALU64 as the reference does, at the edges too', (op) => {
    for (const kind of [4, 7, 12, 15]) {
      for (const off of [0, 1, 8, 16, 32]) {
        for (const [at, a] of EDGES.entries()) {
          const b = EDGES[(at * 7 + off + kind) % EDGES.length]!;
          const imms = op === 0xd0 ? [16, 32, 64] : [0, -1, 1, 0x7fffffff, -0x80000000, Number(BigInt.asIntN(32, b))];
          for (const imm of imms) {
            const result = both([wide(0, a), wide(2, b), insn(op | kind, 0, 2, off, imm), insn(0x95)]);
            // A move with offset 1 is a cast, which only the kernel knows.
            const cast = op === 0xb0 && off === 1;
            if (result.kinds[0] === 'unknown') expect([off, cast || result.kinds[1] === 'fault']).toEqual([off, true]);
            else
              expect([op, kind, off, a, b, imm, result.native]).toEqual([op, kind, off, a, b, imm, result.reference]);
          }
        }
      }
    }
  });

  test('does what the reference does with instructions of any kind, or does not know them', () => {
    const code = fc.oneof(fc.nat(0xff), fc.constantFrom(0x61, 0x69, 0x71, 0x79, 0x81, 0x63, 0x7b, 0xdb, 0xc3, 0x7a));
    const any = fc.record({
      code: code.filter((each) => each !== 0x85 && each !== 0x18),
      dst: fc.nat(10),
      src: fc.nat(10),
      off: fc.oneof(fc.integer({ min: -16, max: 16 }), fc.constantFrom(0, 1, -1, 8, 32, 60, -8)),
      imm: fc.oneof(fc.integer({ min: -8, max: 8 }), fc.constantFrom(0x10, 0xe1, 0xf1, 0x100, 0x110, 16, 64)),
    });
    const registers = fc.array(fc.constantFrom(...EDGES, BASE, BASE + 8n), { minLength: 10, maxLength: 10 });
    // Nothing holds junk, which is another one in each of them.
    const written = Array.from({ length: 64 }, (_, i) => insn(0x7a, 10, 0, -8 * (i + 1), i));
    const seen = new Set<string>();
    fc.assert(
      fc.property(fc.array(any, { maxLength: 12 }), registers, (insns, values) => {
        const result = both([...written, ...values.map((value, i) => wide(i, value)), ...insns, insn(0x95)]);
        seen.add(result.kinds[0]!);
        if (result.kinds[0] === 'unknown') return;
        expect(result.kinds[0]).toBe(result.kinds[1]);
        expect(result.native).toEqual(result.reference);
      }),
      { numRuns: 2000 },
    );
    expect([...seen]).toEqual(expect.arrayContaining(['exit', 'fault', 'unknown', 'budget']));
  });

  test('runs generated programs as the reference does', () => {
    const quick = new QuickInterpreter();
    for (let index = 0; index < 250; index++) {
      const { fuzz, program, inputs } = caseOf(11, index, 2);
      const prepared = { fuzz, program, callees: calledHelpers([{ program }]) } as unknown as Prepared;
      quick.load(prepared);
      for (const input of inputs) {
        const want = wantedOf(expected(prepared, input), prepared.callees)!;
        const got = quick.run(input)!;
        const log = Array.from({ length: got.calls }, (_, i) => got.log[i]);
        expect([index, got.r0, got.executed, log]).toEqual([index, want.r0, want.executed, want.log]);
        expect(Buffer.compare(got.context, want.context)).toBe(0);
      }
    }
  });

  test('ends where the reference does when there is no end', () => {
    expect(BUDGET).toBeGreaterThan(500);
    expect(both([insn(0x05, 0, 0, -1)]).kinds).toEqual(['budget', 'budget']);
  });

  test('has no room for everything, and says so', () => {
    const insns = Array.from({ length: 20_000 }, () => insn(0xb7));
    expect(native.load([{ insns }], () => 0, undefined)).toBe(false);
    expect(() => native.run(new Uint8Array(5000), 1)).toThrow('the context is too large');
  });
});
