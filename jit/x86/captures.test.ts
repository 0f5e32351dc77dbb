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

/** Rows that no capture uses, with the reason why they are there. One that is used after all, or left without, fails. */
const UNSEEN: Readonly<Partial<Record<FormName, string>>> = {
  'and rax, imm32': 'r0 &= imm that is no imm8: the 64-bit twin of and eax, which one capture has; chance',
  'shr r32, 1': 'w >>= 1, the twin of sar and shl by one; no captured program shifts right by one; chance',
  'shr r64, 1': 'r >>= 1, likewise; chance',
  'shr r64, cl': 'r >>= r4: with BMI2 only where the count is already in rcx; without BMI2 every shift by register',
  'lea r64, m64': "rsp from rbp in an exception callback, of policies with callback 'from-rbp'; not of Linux 6.18",
  'jmp r64': 'indirect tail call without retpoline; the captured kernel has it (jmp __x86_indirect_thunk_rcx)',
  ret: 'end of a program without return thunk; the captured kernel has one (jmp its_return_thunk)',
  int3: 'after ret and jmp with straight-line speculation hardening (SLS), which the captured kernel lacks',
  endbr64: 'entry and tail-call entry with indirect branch tracking (IBT), which the captured kernel lacks',
  nop1: 'completes the lengths of nops.ts',
  nop2: 'padding of a short jump that would vanish after pass 15; no captured cascade ends in one',
};

/** Any address will do: what is relative stays so. */
const AT = 0xffff_ffff_c000_0000n;

const used = new Set<FormName>();
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
        used.add(instruction.form.name);
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
    expect(instructions).toBe(97_389);
  });

  test('consist of instructions of the table, each encoded to the same bytes', () => {
    expect(differences.slice(0, 20)).toEqual([]);
  });

  test('use every row but those that are listed with a reason', () => {
    const unseen = (Object.keys(FORMS) as FormName[]).filter((name) => !used.has(name));
    expect(unseen.toSorted()).toEqual(Object.keys(UNSEEN).toSorted());
  });
});
