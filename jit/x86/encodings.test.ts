import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { FORMS, type FormName } from './forms';
import { isImm8 } from './operands';
import { printAtt, printIntel } from './print';
import { assemble, type Instruction } from './testing/assemble';
import { eachInstruction, fromIced } from './testing/from-iced';
import { parseIntel } from './testing/parse-intel';

interface Line {
  readonly hex: string;
  readonly row: FormName;
  readonly intel: string;
  readonly att: string;
}

const lines = readFileSync(join(__dirname, 'testdata', 'encodings.txt'), 'utf8')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))
  .map((line): Line => {
    const [hex, row, intel, att] = line.split('|').map((column) => column.trim());
    return { hex: hex!, row: row as FormName, intel: intel!, att: att! };
  });

const linesOf = (name: string): Line[] => lines.filter(({ row }) => row === name);
const rows = Object.keys(FORMS) as FormName[];

const bytesOf = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'));

/** Columns two to four of a line, for an instruction. */
function describeInstruction({ form, operands }: Instruction): Omit<Line, 'hex'> {
  const wide = operands.some((operand) => operand.kind === 'mem' && operand.dispWidth === 32 && isImm8(operand.disp));
  const intel = `${wide ? '{disp32} ' : ''}${printIntel(form, operands)}`;
  return { row: form.name, intel, att: printAtt(form, operands) };
}

function fromText({ row, intel }: Line): Line {
  const instruction = parseIntel(row, intel);
  return { hex: Buffer.from(assemble(instruction)).toString('hex'), ...describeInstruction(instruction) };
}

function fromBytes({ hex }: Line): Line[] {
  const found: Line[] = [];
  eachInstruction(bytesOf(hex), 0n, (iced) => found.push({ hex, ...describeInstruction(fromIced(iced)) }));
  return found;
}

describe('testdata/encodings.txt', () => {
  test.each(rows)('%s', (row) => {
    const own = linesOf(row);
    expect(own).not.toEqual([]);
    expect(own.map(fromText)).toEqual(own);
    expect(own.flatMap(fromBytes)).toEqual(own);
  });

  test('names only rows that exist, and no instruction twice', () => {
    expect(lines.filter(({ row }) => !(row in FORMS))).toEqual([]);
    expect(new Set(lines.map(({ hex }) => hex)).size).toBe(lines.length);
  });

  test('has low and extended registers in each place of a row', () => {
    const missing: string[] = [];
    for (const row of rows) {
      const parsed = linesOf(row).map(({ intel }) => parseIntel(row, intel).operands);
      FORMS[row].kinds.forEach((kind, place) => {
        const nums = parsed.map((operands) => {
          const operand = operands[place]!;
          return operand.kind === 'reg' ? operand.num : operand.kind === 'mem' ? operand.base : null;
        });
        const known = nums.filter((num) => num !== null);
        if (known.length > 0 && !known.some((num) => num < 8)) missing.push(`${row}: ${kind} ${place} low`);
        if (known.length > 0 && !known.some((num) => num >= 8)) missing.push(`${row}: ${kind} ${place} extended`);
      });
    }
    expect(missing).toEqual([]);
  });
});
