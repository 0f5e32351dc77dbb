import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { FORMS, type Form } from './forms';
import { printAtt, printIntel } from './print';
import { widthAt } from './print-values';
import { ROWS } from './rows';
import { AT, instructionOf } from './testing/arbitrary';
import { assemble, type Instruction } from './testing/assemble';
import { eachInstruction, fromIced } from './testing/from-iced';
import { comparableAtt, comparableIntel, icedAtt, icedIntel, unsignedNumbers } from './testing/iced-text';

/** What is compared: the instruction as data, and as text in both dialects. */
interface Seen {
  readonly length: number;
  readonly row: string;
  readonly operands: Instruction['operands'];
  readonly intel: string;
  readonly att: string;
}

const operationWidth = (form: Form): number =>
  form.parts.length === 0 || form.kinds[0]?.startsWith('rel') ? 64 : widthAt(form, 0);

function seenByIced(bytes: Uint8Array, width: number): Seen[] {
  const found: Seen[] = [];
  eachInstruction(bytes, AT, (iced) => {
    const { form, operands } = fromIced(iced);
    const intel = unsignedNumbers(comparableIntel(icedIntel(iced)), width);
    const att = unsignedNumbers(comparableAtt(icedAtt(iced)), width);
    found.push({ length: iced.length, row: form.name, operands, intel, att });
  });
  return found;
}

function seenByUs({ form, operands }: Instruction, length: number): Seen {
  const width = operationWidth(form);
  const intel = unsignedNumbers(comparableIntel(printIntel(form, operands)), width);
  const att = unsignedNumbers(comparableAtt(printAtt(form, operands)), width);
  return { length, row: form.name, operands, intel, att };
}

/** Says what iced makes of the bytes, where that is not what was meant. */
function check(instruction: Instruction): void {
  const bytes = assemble(instruction, AT);
  const { form, operands } = instruction;
  const head = `${printIntel(form, operands)}\nrow ${form.name}  ${ROWS[form.name]}\n${Buffer.from(bytes).toString('hex')}`;
  const want = [seenByUs(instruction, bytes.length)];
  expect([head, seenByIced(bytes, operationWidth(form))]).toEqual([head, want]);
}

describe('random instructions, decoded by iced-x86', () => {
  test.each(Object.values(FORMS))('$name', (form) => {
    const once = form.kinds.length === 0;
    fc.assert(fc.property(instructionOf(form), check), { numRuns: once ? 1 : 40 });
  });
});

/** The encoding of a row in iced's notation: its operand sizes for prefixes, no Op/En, no lock. */
function icedNotation({ name, kinds }: Form): string {
  return ROWS[name]
    .replace(/ (MR|RMV|RM)$/, '')
    .replace(/^F0 |^65 /, '')
    .replace(/^REX\.W /, 'o64 ')
    .replace(/^REX /, '')
    .replace(/^66 /, 'o16 ')
    .replace(/\+r/, kinds[0] === 'r64' ? '+ro' : '+rd');
}

describe("the manual's notation, as iced-x86 has it", () => {
  test.each(Object.values(FORMS).filter(({ name }) => !name.startsWith('nop')))('$name', (form) => {
    const [instruction] = fc.sample(instructionOf(form), { numRuns: 1, seed: 1 });
    eachInstruction(assemble(instruction!, AT), AT, (iced) => {
      const info = iced.opCode;
      // Without a size of its own, iced's o32 is the default; near branches and the stack are 64 bits wide anyway.
      const notation = icedNotation(form);
      const isDefault = notation.startsWith('o') || notation.startsWith('VEX');
      const said = isDefault ? info.opCodeString : info.opCodeString.replace(/^(o32|o64|NP) /, '');
      info.free();
      expect(said).toBe(notation);
    });
  });
});
