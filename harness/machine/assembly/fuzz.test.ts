import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { Decoder, DecoderOptions, Formatter, FormatterSyntax, MemorySizeOptions } from 'iced-x86';
import { assemble } from './index';
import { BASE } from './testing/helpers';

const formatter = new Formatter(FormatterSyntax.Intel);
formatter.hexPrefix = '0x';
formatter.hexSuffix = '';
formatter.memorySizeOptions = MemorySizeOptions.Always;
formatter.ripRelativeAddresses = true;
formatter.showBranchSize = false;

/** The first instruction of some bytes as text. */
function textOf(bytes: Uint8Array): string | undefined {
  const decoder = new Decoder(64, bytes, DecoderOptions.None);
  decoder.ip = BASE;
  const instruction = decoder.decode();
  const text = instruction.isInvalid ? undefined : formatter.format(instruction);
  instruction.free();
  decoder.free();
  return text;
}

/** The same meaning in one way of writing: prefixes without effect, operands without order, a scale of one. */
function normal(text: string | undefined): string | undefined {
  const plain = text
    ?.replace(/\*1(?=[\]+-])/, '')
    .replace(/^(push|pop)f$/, '$1fq')
    .replace(/st\(0\)/g, 'st');
  const swapped = /^((?:lock )?xchg|test) (.*),(.*)$/.exec(plain ?? '');
  return swapped === null ? plain : `${swapped[1]} ${[swapped[2], swapped[3]].sort()}`;
}

const head = fc.constantFrom([], [0x48], [0x41], [0x0f], [0x66], [0xf3], [0x48, 0x0f], [0x66, 0x0f], [0x65, 0x48]);
const machineCode = fc
  .tuple(head, fc.uint8Array({ minLength: 15, maxLength: 15 }))
  .map(([first, rest]) => Uint8Array.from([...first, ...rest]));

test('what is assembled from a disassembly decodes to the same text', async () => {
  let assembled = 0;
  const law = fc.asyncProperty(machineCode, async (bytes) => {
    const text = textOf(bytes);
    if (text === undefined) return;
    const result = await assemble(text, BASE);
    if (!result.ok) return;
    assembled++;
    expect(normal(textOf(result.bytes))).toBe(normal(text));
  });
  await fc.assert(law, { numRuns: 4000, seed: 1 });
  expect(assembled).toBeGreaterThan(2000);
});

const word = fc.constantFrom(
  ...'mov lock rep jmp .byte .quad ptr qword offset short rax gs st $ a a: label: [ ] ( ) + - * , ; : 0x 8 0xffffffffffffffff'.split(
    ' ',
  ),
  ...['\n', '#', '//', '"', '{', '\u0000', 'é', '=', '.macro', '.rept', '.incbin'],
);

test('no text is an exception, and every error has a place inside the text', async () => {
  const text = fc.oneof(
    fc.array(word, { maxLength: 12 }).map((words) => words.join(' ')),
    fc.string({ unit: 'binary', maxLength: 60 }),
  );
  const law = fc.asyncProperty(text, async (body) => {
    const result = await assemble(body, BASE);
    if (result.ok) return;
    expect(result.errors.length).toBeGreaterThan(0);
    const lines = body.split(/\r\n|\r|\n/);
    for (const { line, column, message } of result.errors) {
      expect(message).not.toMatch(/assembler does not work/);
      expect(column).toBeGreaterThan(0);
      expect(column).toBeLessThanOrEqual(lines[line - 1]!.length + 1);
    }
  });
  await fc.assert(law, { numRuns: 3000, seed: 2 });
});
