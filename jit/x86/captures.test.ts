import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { FORMS, type FormName } from './forms';
import { assemble } from './testing/assemble';
import { eachInstruction, fromIced } from './testing/from-iced';

interface Capture {
  readonly name: string;
  readonly want: readonly { readonly bytes: string }[];
}

const FILE = join(__dirname, '..', 'testdata', 'kernel', 'captures.ndjson.gz');

const captures = gunzipSync(readFileSync(FILE))
  .toString()
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Capture);

/** Any address will do: what is relative stays so. */
const AT = 0xffff_ffff_c000_0000n;

const used = new Map<FormName, number>();
const differences: string[] = [];
let instructions = 0;

for (const { name, want } of captures) {
  want.forEach(({ bytes }, index) => {
    const image = Uint8Array.from(Buffer.from(bytes, 'hex'));
    let at = 0;
    eachInstruction(image, AT, (iced) => {
      const got = Buffer.from(image.subarray(at, at + iced.length)).toString('hex');
      const where = `${name}, function ${index}, +${at}: ${got}`;
      try {
        const instruction = fromIced(iced);
        const ours = Buffer.from(assemble(instruction, AT + BigInt(at))).toString('hex');
        if (ours !== got) differences.push(`${where} is ${ours} by row '${instruction.form.name}'`);
        used.set(instruction.form.name, (used.get(instruction.form.name) ?? 0) + 1);
      } catch (error) {
        differences.push(`${where}: ${String(error)}`);
      }
      at += iced.length;
      instructions++;
    });
    if (at !== image.length) differences.push(`${name}, function ${index}: ${image.length - at} bytes left`);
  });
}

describe('the images of Linux 6.18', () => {
  test('were there', () => {
    expect(captures).toHaveLength(565);
    expect(instructions).toBeGreaterThan(100_000);
  });

  test('consist of instructions of the table, each encoded to the same bytes', () => {
    expect(differences.slice(0, 20)).toEqual([]);
  });

  test('use every row but those listed', () => {
    const unused = (Object.keys(FORMS) as FormName[]).filter((name) => !used.has(name));
    expect(unused).toEqual([]);
  });
});
