import { describe, expect, test } from '@jest/globals';
import { compileRow, FORMS, type Form } from './forms';

const forms = Object.values(FORMS);

const pairs = forms.flatMap((a, i) => forms.slice(i + 1).map((b) => [a, b] as const));

/** The registers that a fixed part is an instance of. */
const GENERAL: Readonly<Record<string, string>> = { eax: 'r32', rax: 'r64', cl: 'r8', '1': 'imm8' };

const partText = (part: Form['parts'][number]): string => (typeof part === 'string' ? part : part.fixed);

/** Could one written operand be both? `gs` is a memory operand like any other. */
function overlaps(a: string, b: string): boolean {
  const classOf = (part: string): string => (part === 'gs' ? 'm64' : part);
  if (classOf(a) === classOf(b)) return true;
  return GENERAL[a] === b || GENERAL[b] === a;
}

/** Everything that tells two encodings apart before the operands' own bits. */
function signature(form: Form): string {
  const mode = form.hasModrm ? (form.kinds[form.slots.indexOf('rm')]!.startsWith('r') ? 'reg' : 'mem') : 'none';
  const { prefixes, rexW, opcode, digit, vex } = form;
  return JSON.stringify({ prefixes, rexW, opcode, digit, vex, mode, fixed: form.hasModrm ? '' : form.tail });
}

/** The opcodes of a `+r` row are eight; of any other row, one. */
function opcodesOf(form: Form): string[] {
  if (!form.slots.includes('opcode')) return [signature(form)];
  const last = form.opcode.length - 1;
  return Array.from({ length: 8 }, (_, num) =>
    signature({ ...form, opcode: form.opcode.map((byte, i) => (i === last ? byte | num : byte)) }),
  );
}

describe('the rows', () => {
  test('no two have the same operand shape', () => {
    const shape = (form: Form): string => `${form.mnemonic} ${form.parts.map(partText).join(',')}`;
    expect(new Set(forms.map(shape)).size).toBe(forms.length);
  });

  test('two match the same operands only where the opcode fixes a register or a one', () => {
    const both = pairs
      .filter(([a, b]) => a.mnemonic === b.mnemonic && a.parts.length === b.parts.length)
      .filter(([a, b]) => a.parts.every((part, i) => overlaps(partText(part), partText(b.parts[i]!))))
      .map(([a, b]) => `${a.name} / ${b.name}`);
    // Which of them the kernel takes is decided in jit/idioms, by name; the assembler never chooses.
    expect(both.toSorted()).toEqual(
      [
        ...['add', 'or', 'and', 'sub', 'xor'].flatMap((op) => [
          `${op} r32, imm32 / ${op} eax, imm32`,
          `${op} r64, imm32 / ${op} rax, imm32`,
        ]),
        ...['shl', 'shr', 'sar'].flatMap((op) => [`${op} r32, 1 / ${op} r32, imm8`, `${op} r64, 1 / ${op} r64, imm8`]),
      ].toSorted(),
    );
  });

  test('no two can be the same bytes', () => {
    const all = forms.flatMap(opcodesOf);
    expect(all.filter((one, i) => all.indexOf(one) !== i)).toEqual([]);
  });

  test('rows with a fixed register differ from each other in the register', () => {
    const fixed = forms.filter(({ parts }) => parts.some((part) => typeof part !== 'string'));
    const shapes = fixed.map(({ mnemonic, parts }) => `${mnemonic} ${parts.map(partText).join(',')}`);
    expect(fixed).toHaveLength(22);
    expect(new Set(shapes).size).toBe(fixed.length);
  });

  test('every operand has a slot, and every slot is used once', () => {
    for (const form of forms) expect(new Set(form.slots).size).toBe(form.kinds.length);
  });
});

describe('compileRow refuses', () => {
  test.each([
    ['an unknown token', 'add r32, r32', '01 /q', "row 'add r32, r32': unknown token '/q'"],
    ['an operand without a place', 'neg r32, r32', 'F7 /3', "row 'neg r32, r32': 2 operands, 1 slots"],
    ['a place without an operand', 'cdq', '99 /0', "row 'cdq': 0 operands, 1 slots"],
    ['an immediate of another width', 'add r32, imm8', '81 /0 id', "row 'add r32, imm8': width of imm8"],
    ['no mnemonic', '?', '90', "row '?': no mnemonic"],
  ])('%s', (_, name, encoding, message) => {
    expect(() => compileRow(name, encoding)).toThrow(message);
  });
});
