import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type CompiledForm, formsOf } from './compiled-form';
import {
  decodeProgram,
  encodeProgram,
  type Insn,
  jumpDistance,
  type Program,
  parseAsm,
  pcsOf,
  printProgram,
} from './index';
import { BPF_EXIT, BPF_JA, BPF_JMP, BPF_JMP32, BPF_PSEUDO_CALL, BPF_PSEUDO_KFUNC_CALL } from './opcodes';
import type { Operand } from './operand';
import { OPERANDS } from './operands';
import { validateProgram } from './validate';

const KFUNCS = ['bpf_throw', 'bpf_rcu_read_lock', 'my_kfunc'];
const MAPS = ['counters', 'ring'];

const canonical = Array.from({ length: 256 }, (_, code) => formsOf(code)).flat();
const ofPrograms = canonical.filter(({ form }) => !form.kernel);

const imm = fc.oneof(fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff }), fc.integer({ min: -3, max: 3 }));
const off = fc.oneof(fc.integer({ min: -0x8000, max: 0x7fff }), fc.integer({ min: -8, max: 8 }));
const imm64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });

/** Values of an operand's fields that pass its check. */
const VALUES = new Map<Operand | undefined, fc.Arbitrary<Partial<Insn>>>([
  [OPERANDS.dst, fc.record({ dst: fc.nat(9) })],
  [OPERANDS.wdst, fc.record({ dst: fc.nat(9) })],
  [OPERANDS.src, fc.record({ src: fc.nat(9) })],
  [OPERANDS.wsrc, fc.record({ src: fc.nat(9) })],
  [OPERANDS.imm, fc.record({ imm })],
  [OPERANDS.imm32, fc.record({ imm })],
  [OPERANDS.immoff, fc.record({ imm })],
  [OPERANDS.divisor, fc.record({ imm: imm.map((n) => n || 1) })],
  [OPERANDS.divisor32, fc.record({ imm: imm.map((n) => n || 1) })],
  [OPERANDS.shift, fc.record({ imm: fc.nat(63) })],
  [OPERANDS.shift32, fc.record({ imm: fc.nat(31) })],
  [OPERANDS.off, fc.record({ off })],
  // Where a jump goes is settled when the whole subprog is there.
  [OPERANDS.target, fc.record({ off: fc.nat(0x7fff) })],
  [OPERANDS.target32, fc.record({ imm: fc.nat(0x7fff) })],
  [OPERANDS.imm64, fc.record({ imm64 })],
  [OPERANDS.low, fc.record({ imm64 })],
  [OPERANDS.valueoff, fc.constant({})],
  [OPERANDS.map, fc.record({ imm64: fc.constantFrom(0n, 1n) })],
  [
    OPERANDS.mapbase,
    fc.record({ imm64: fc.tuple(fc.constantFrom(0n, 1n), imm64).map(([i, n]) => ((n >> 32n) << 32n) | i) }),
  ],
  [OPERANDS.func, fc.record({ imm64: fc.constantFrom(0n, 1n, 2n) })],
  [
    OPERANDS.callee,
    fc.oneof(
      fc.record({ src: fc.constant(0), imm: fc.integer({ min: 1, max: 211 }) }),
      fc.record({ src: fc.constant(BPF_PSEUDO_CALL), imm: fc.nat(2) }),
      fc.record({ src: fc.constant(BPF_PSEUDO_KFUNC_CALL), imm: fc.nat(2) }),
    ),
  ],
]);

function insnOf({ form, operands, fixed }: CompiledForm): fc.Arbitrary<Insn> {
  const values = [...new Set(operands)].map((operand) => {
    const arbitrary = VALUES.get(operand);
    if (!arbitrary) throw new Error(`no values for an operand of \`${form.text}\``);
    return arbitrary;
  });
  return fc
    .tuple(...values)
    .map((parts) =>
      Object.assign({ code: form.code, dst: 0, src: 0, off: 0, imm: 0 }, Object.fromEntries(fixed), ...parts),
    );
}

/** A subprog in which every jump goes to an instruction, and whose end is not run over. */
function subprogOf(forms: readonly CompiledForm[]): fc.Arbitrary<Insn[]> {
  const body = fc.array(fc.oneof(...forms.map(insnOf)), { maxLength: 12 });
  return body.map((insns) => {
    const all = [...insns, { code: BPF_JMP | BPF_EXIT, dst: 0, src: 0, off: 0, imm: 0 }];
    const pcs = pcsOf(all);
    return all.map((insn, i) => {
      const seed = jumpDistance(insn);
      if (seed === undefined) return insn;
      const distance = pcs[seed % all.length]! - (pcs[i]! + 1);
      return insn.code === (BPF_JMP32 | BPF_JA) ? { ...insn, imm: distance } : { ...insn, off: distance };
    });
  });
}

function programOf(forms: readonly CompiledForm[]): fc.Arbitrary<Program> {
  const insns = subprogOf(forms);
  const body = fc.tuple(insns, insns, insns);
  const names = fc.constantFrom(['main', 'a', 'b'], ['L0', 'L1', 'L_0'], ['entry', 'bpf_throw', 'bpf_ktime_get_ns']);
  return fc.tuple(body, names, fc.subarray([0, 1, 2])).map(([bodies, subprogs, globals]) => ({
    name: 'prog',
    subprogs: bodies.map((insns, i) => ({ name: subprogs[i]!, insns, ...(globals.includes(i) && { isGlobal: true }) })),
    kfuncs: KFUNCS,
    maps: MAPS,
  }));
}

/** Globality is the type information's to say, not the wire form's. */
const withoutGlobals = (program: Program): Program => ({
  ...program,
  subprogs: program.subprogs.map(({ name, insns }) => ({ name, insns })),
});

const startsOf = ({ subprogs }: Program): number[] => {
  let start = 0;
  return subprogs.map(({ insns }) => (start += pcsOf(insns).at(-1)!) - pcsOf(insns).at(-1)!);
};

describe.each([
  ['programs', ofPrograms, false],
  ["the verifier's output", canonical, true],
] as const)('%s', (_, forms, kernelInternal) => {
  const program = programOf(forms);

  test('are well-formed', () => {
    fc.assert(fc.property(program, (p) => expect(validateProgram(p, { kernelInternal })).toEqual([])));
  });

  test('text and back is the same program', () => {
    fc.assert(
      fc.property(program, (p) => {
        const result = parseAsm(printProgram(p), { name: p.name, kernelInternal });
        expect(result).toMatchObject({ ok: true, program: p });
      }),
    );
  });

  test('bytes and back is the same program', () => {
    fc.assert(
      fc.property(program, (p) => {
        const names = { subprogs: p.subprogs.map(({ name }) => name), kfuncs: p.kfuncs, maps: p.maps };
        const result = decodeProgram(encodeProgram(p), { ...names, name: p.name, entries: startsOf(p) });
        expect(result).toMatchObject({ ok: true, program: withoutGlobals(p) });
      }),
    );
  });

  test('the source map has a place for each instruction', () => {
    fc.assert(
      fc.property(program, (p) => {
        const text = printProgram(p);
        const result = parseAsm(text, { kernelInternal });
        if (!result.ok) throw new Error('not parsed');
        const lines = text.split('\n');
        result.source.subprogs.forEach((subprog, s) => {
          expect(lines[subprog.position.line - 1]).toBe(`${p.subprogs[s]!.name}:`);
          expect(subprog.insns.length).toBe(p.subprogs[s]!.insns.length);
          for (const { line, column } of subprog.insns) expect(lines[line - 1]![column - 1]).toMatch(/\S/);
        });
      }),
    );
  });
});

/** Eight bytes, often those of a reference and seldom those of no instruction. */
const slot = fc
  .oneof(
    fc.tuple(
      fc.constantFrom(0x85, 0x18, 0x00),
      fc.nat(0x5f),
      fc.constant(0),
      fc.constant(0),
      fc.nat(3),
      fc.constantFrom(0, 255),
    ),
    fc.array(fc.nat(255), { minLength: 6, maxLength: 6 }),
  )
  .map(([code, registers, off, high, imm, sign]) => [code!, registers!, off!, high!, imm!, sign!, sign!, sign!]);

test('any bytes are decoded to what encodes to them, or refused', () => {
  fc.assert(
    fc.property(fc.array(slot, { maxLength: 10 }), (slots) => {
      const bytes = Uint8Array.from(slots.flat());
      const result = decodeProgram(bytes);
      if (result.ok) expect(encodeProgram(result.program, result.wire)).toEqual(bytes);
      else expect(result.errors).not.toEqual([]);
    }),
  );
});

test('any text is parsed or refused with a place in it', () => {
  const words = fc.constantFrom(
    'r1',
    'w2',
    '=',
    '+=',
    '5',
    '-',
    '*(u64 *)(r10 - 8)',
    'call',
    'goto',
    'l:',
    'l',
    ';',
    '\n',
  );
  fc.assert(
    fc.property(fc.array(words, { maxLength: 20 }), (list) => {
      const text = list.join(' ');
      const result = parseAsm(text);
      if (result.ok) return;
      expect(result.errors).not.toEqual([]);
      const lines = text.split('\n');
      for (const { line, column } of result.errors) {
        expect(line).toBeLessThanOrEqual(lines.length);
        expect(column).toBeLessThanOrEqual(lines[line - 1]!.length + 1);
      }
    }),
  );
});
