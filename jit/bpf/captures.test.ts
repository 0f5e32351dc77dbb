import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import {
  decodeInsns,
  encodeInsns,
  encodeProgram,
  formatInsnError,
  loadProgram,
  type Program,
  parseAsm,
  printProgram,
  toHex,
  validateProgram,
} from './index';

/** What a 6.18 kernel was handed (`exec`), and what its verifier handed to its JIT (`request`). */
interface Capture {
  readonly name: string;
  readonly request: { readonly funcs: readonly { readonly insns: readonly string[] }[] };
  readonly exec?: { readonly insns: readonly string[] };
}

const FILE = join(__dirname, '..', 'testdata', 'kernel', 'captures.ndjson.gz');

const captures = gunzipSync(readFileSync(FILE))
  .toString()
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Capture);

/** A function of the verifier's output, by itself. */
function decoded(slots: readonly string[]): Program {
  const result = decodeInsns(slots);
  if (!result.ok) throw new Error(result.errors.map(formatInsnError).join('\n'));
  return { name: 'prog', subprogs: [{ name: 'main', insns: result.insns }], kfuncs: [], maps: [] };
}

function reparsed(program: Program, kernelInternal: boolean): Program {
  const text = printProgram(program);
  const result = parseAsm(text, { kernelInternal });
  if (!result.ok) throw new Error(result.errors.map(({ line, message }) => `${line}: ${message}`).join('\n'));
  return result.program;
}

test('there are captures', () => {
  expect(captures.length).toBe(565);
});

describe("the verifier's output", () => {
  test.each(captures)('$name', ({ request }) => {
    for (const { insns } of request.funcs) {
      const program = decoded(insns);
      expect(validateProgram(program, { kernelInternal: true }).map(formatInsnError)).toEqual([]);
      expect(toHex(encodeInsns(program.subprogs[0]!.insns))).toBe(insns.join(''));
      expect(reparsed(program, true)).toEqual(program);
    }
  });
});

describe('programs as they were handed to the kernel', () => {
  test.each(captures.filter(({ exec }) => exec))('$name', ({ exec }) => {
    const hex = exec!.insns.join('');
    const result = loadProgram(hex);
    if (!result.ok) throw new Error(result.errors.map(formatInsnError).join('\n'));
    expect(toHex(encodeProgram(result.program))).toBe(hex);
    expect(reparsed(result.program, false)).toEqual(result.program);
  });
});
