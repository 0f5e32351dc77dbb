import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { FORMS } from './forms';
import { encodeProgram, type Insn, isLdImm64, parseAsm, printInsn, toHex } from './index';

interface Row {
  readonly hex: string;
  readonly text: string;
}

const WIDE = 32;

/** Rows of a file: hexadecimal digits in the first 32 columns, then the text. */
function rowsOf(file: string): Row[] {
  const lines = readFileSync(join(__dirname, 'testdata', file), 'utf8').split('\n');
  return lines
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => ({ hex: line.slice(0, WIDE).trim(), text: line.slice(WIDE + 1) }));
}

const names = { kfuncs: ['bpf_throw'], maps: ['counters', 'ring'], subprogs: ['main', 'sub'] };

/** The instruction that a line stands for, and its wire form. */
function read(text: string): { insn: Insn; hex: string } {
  const asm = `.kfunc bpf_throw\n.map counters\n.map ring\nmain:\n${text}\nexit\nexit\nexit\n.func sub\nsub: exit`;
  const result = parseAsm(asm, { kernelInternal: true });
  if (!result.ok) throw new Error(result.errors.map(({ message }) => message).join('\n'));
  const insn = result.program.subprogs[0]!.insns[0]!;
  const hex = toHex(encodeProgram(result.program)).slice(0, isLdImm64(insn) ? WIDE : WIDE / 2);
  return { insn, hex };
}

describe('canonical text', () => {
  const rows = rowsOf('encodings.txt');

  test.each(rows)('$hex $text', ({ hex, text }) => {
    const { insn, hex: got } = read(text);
    expect(got).toBe(hex);
    expect(printInsn(insn, names)).toBe(text);
  });

  test('has a line for each form', () => {
    const known = new Set(rows.map(({ text }) => shapeOf(text)));
    const missing = FORMS.filter((form) => !form.alias).map(({ text }) => shapeOf(text.replace(/\{(\w+)\}/g, sample)));
    expect(missing.filter((shape) => !known.has(shape))).toEqual([]);
  });

  test('no two lines are the same instruction', () => {
    expect(new Set(rows.map(({ hex }) => hex)).size).toBe(rows.length);
  });
});

describe('other spellings', () => {
  test.each(rowsOf('spellings.txt'))('$hex $text', ({ hex, text }) => {
    expect(read(text).hex).toBe(hex);
  });
});

const SAMPLES: Readonly<Record<string, string>> = {
  dst: 'r1',
  src: 'r1',
  wdst: 'w1',
  wsrc: 'w1',
  off: '+ 1',
  immoff: '+ 1',
  target: '+1',
  target32: '+1',
  valueoff: '+1',
  imm64: '0x1',
  map: 'counters',
  mapbase: 'counters',
  func: 'sub',
  callee: 'bpf_x',
};

const sample = (_: string, operand: string): string => SAMPLES[operand] ?? '1';

/** A text without its registers, numbers and names: what two lines of one form have in common. */
function shapeOf(text: string): string {
  return text
    .replace(/(?<![\w(])([rw])\d+/g, '$1')
    .replace(/\(r\d+/g, '(r')
    .replace(/0x[0-9a-f]+|(?<![\w(s])\d+/g, 'N')
    .replace(/(\[|call )(?!N)[\w#]+/g, '$1x')
    .replace(/[-+] ?N/g, 'N');
}
