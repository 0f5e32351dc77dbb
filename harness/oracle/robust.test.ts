import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { decodeProgram, type Insn, type Program } from '../../jit';
import { interpret } from './index';

const ENDS = ['exit', 'fault', 'budget'];

const OPTIONS = {
  regions: [{ name: 'ctx', base: 0x1000n, bytes: new Uint8Array(64) }],
  budget: 2000,
  mayGoto: 10,
  helper: () => 1n,
};

/** Opcodes that end a program at once are no use in most places. */
const code = fc.nat(0xff);
const insn: fc.Arbitrary<Insn> = fc.record({
  code,
  dst: fc.nat(15),
  src: fc.oneof(fc.nat(2), fc.nat(15)),
  off: fc.oneof(fc.integer({ min: -8, max: 8 }), fc.constantFrom(0, 1, -1, 8, 16, 32)),
  imm: fc.oneof(fc.integer({ min: -8, max: 8 }), fc.constantFrom(0x10, 0xe1, 0xf1, 0x100, 0x110), fc.integer()),
  imm64: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
});

test('instructions of any kind are a result', () => {
  fc.assert(
    fc.property(fc.array(insn, { maxLength: 30 }), (insns) => {
      const program: Program = {
        name: 'prog',
        subprogs: [
          { name: 'main', insns },
          { name: 'other', insns: insns.slice(1) },
        ],
        kfuncs: ['bpf_throw', 'toString', 'bpf_tail_call'],
        maps: ['ctx', 'none'],
      };
      const result = interpret(program, { ...OPTIONS, tailCall: () => program });
      expect(ENDS).toContain(result.kind);
      expect(result.executed).toBeLessThanOrEqual(OPTIONS.budget);
      expect(interpret(program, { ...OPTIONS, tailCall: () => program })).toEqual(result);
    }),
    { numRuns: 500 },
  );
});

test('so are bytes of any kind that can be decoded', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ minLength: 8, maxLength: 8 }), { maxLength: 20 }), (slots) => {
      const decoded = decodeProgram(Uint8Array.from(slots.flatMap((slot) => [...slot])));
      if (decoded.ok) expect(ENDS).toContain(interpret(decoded.program, { budget: 1000 }).kind);
    }),
  );
});

test('a program without subprogs is a fault', () => {
  const program = { name: 'prog', subprogs: [], kfuncs: [], maps: [] };
  expect(interpret(program)).toMatchObject({ kind: 'fault', fault: { kind: 'call', place: null } });
});
