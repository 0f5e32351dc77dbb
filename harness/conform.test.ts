import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { runConformance, runPlugin } from './conform';

const folder = mkdtempSync(join(tmpdir(), 'privstack-'));
afterAll(() => rmSync(folder, { recursive: true }));

function dataFile(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

test('our own cases pass, in the interpreter and under every sound policy', () => {
  const { results, errors, opcodes } = runConformance(join(__dirname, 'conformance', 'testdata'));
  expect(errors).toEqual([]);
  expect(results.filter(({ pass }) => !pass)).toEqual([]);
  expect(results.length).toBeGreaterThan(30);
  expect(opcodes).toContain('v4: 28 of 28 instructions used');
});

test('a wrong result is told of everyone who ran it', () => {
  const { results } = runConformance(dataFile('wrong.data', '-- asm\nmov %r0, 1\nexit\n-- result\n0x2\n'));
  expect(results[0]).toMatchObject({ pass: false });
  for (const who of ['interpreter', 'kernel-stack', 'linux-6.18', 'subtree']) {
    expect(results[0]!.detail).toContain(`${who}: expected 0x2, got 0x1`);
  }
});

test('memory and its length are the arguments', () => {
  const text = '-- asm\nldxb %r0, [%r1+1]\nadd %r0, %r2\nexit\n-- mem\n01 02 03\n-- result\n0x5\n';
  expect(runConformance(dataFile('memory.data', text)).results[0]).toMatchObject({ pass: true });
});

test.each([
  ['a missing path', () => runConformance(join(folder, 'nothing')).errors, /no such file/],
  [
    'a bad line',
    () => runConformance(dataFile('bad.data', '-- asm\nmovv %r0, 1\n-- result\n0x0\n')).errors,
    /bad\.data:2:1/,
  ],
])('%s is an error', (_name, errors, message) => {
  expect(errors()).toEqual([expect.stringMatching(message)]);
});

test.each([
  ['memory', ['aa bb'], '7110000000000000 9500000000000000', { ok: true, text: 'aa' }],
  ['no memory', [], 'b700000005000000 9500000000000000', { ok: true, text: '5' }],
  [
    'division by a register that is 0',
    [],
    'b700000005000000 3f10000000000000 9500000000000000',
    { ok: true, text: '0' },
  ],
  ['no program', [], '', { ok: false }],
  ['an unknown opcode', [], 'ff00000000000000 9500000000000000', { ok: false }],
])('plugin: %s', (_name, args, stdin, answer) => {
  expect(runPlugin(args, stdin)).toMatchObject(answer);
});
