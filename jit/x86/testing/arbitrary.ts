import fc from 'fast-check';
import type { Form, OperandKind } from '../forms';
import { gs, imm64, type Mem, type Operand } from '../operands';
import { printIntel } from '../print';
import { r8, r16, r32, r64 } from '../registers';
import { addressed, type Instruction } from './assemble';

/** Where the instructions of the tests are. Far from both ends, so that no branch wraps around. */
export const AT = 0xffff_8000_c000_1000n;

const num = fc.nat(15);
const BANKS = { r8, r16, r32, r64 } as const;

/** Signed integers of `width` bits, the ends and small numbers more often. */
const integer = (width: number): fc.Arbitrary<number> => {
  const end = 2 ** (width - 1);
  return fc.oneof(fc.integer({ min: -end, max: end - 1 }), fc.constantFrom(0, 1, -1, 127, -128, end - 1, -end));
};

/** Every addressing mode that exists (SDM vol. 2, tables 2-2 and 2-3) with a base. */
const memory: fc.Arbitrary<Mem> = fc
  .record({
    base: num,
    index: fc.option(
      num.filter((index) => index !== 4),
      { nil: null },
    ),
    scale: fc.constantFrom<Mem['scale']>(1, 2, 4, 8),
    dispWidth: fc.constantFrom<Mem['dispWidth']>(0, 8, 32),
    disp8: integer(8),
    disp32: integer(32),
  })
  .filter(({ base, dispWidth }) => dispWidth !== 0 || (base & 7) !== 5)
  .map(({ base, index, scale, dispWidth, disp8, disp32 }) => ({
    kind: 'mem',
    base,
    index,
    scale: index === null ? 1 : scale,
    disp: dispWidth === 0 ? 0 : dispWidth === 8 ? disp8 : disp32,
    dispWidth,
  }));

function operand(kind: OperandKind): fc.Arbitrary<Operand> {
  if (kind in BANKS) return num.map(BANKS[kind as keyof typeof BANKS]);
  if (kind === 'gs') return integer(32).map((disp) => gs(disp));
  if (kind.startsWith('m')) return memory;
  if (kind === 'imm64') return fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((value) => imm64(value));
  const width = Number(kind.replace(/\D+/, '')) as 8 | 16 | 32;
  if (kind.startsWith('imm')) return integer(width).map((value) => ({ kind: 'imm', width, value }));
  // Six bytes is the longest branch of the table: any target in this range is reached from any of them.
  return fc.integer({ min: -(2 ** (width - 1)) + 6, max: 2 ** (width - 1) - 1 }).map((distance) => ({
    kind: 'rel',
    width: width as 8 | 32,
    target: addressed(AT + BigInt(distance)),
  }));
}

/** Operands for a row. A counterexample is reported as text. */
export const instructionOf = (form: Form): fc.Arbitrary<Instruction> =>
  fc
    .tuple(...form.kinds.map(operand))
    .map((operands) => ({ form, operands, [fc.toStringMethod]: () => printIntel(form, operands) }));
