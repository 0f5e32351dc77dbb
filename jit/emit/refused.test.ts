import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { bpf, type Insn, type Program } from '../bpf';
import { compiled } from '../testing/program';
import { JitError } from './context';

/** The error that compiling a program ends with. */
function errorOf(given: string | Program): JitError {
  try {
    compiled(given);
  } catch (error) {
    if (error instanceof JitError) return error;
    throw error;
  }
  throw new Error('it was compiled');
}

describe('instructions that are none of the JIT are refused by name, with their place', () => {
  test.each<[asm: string, message: string]>([
    ['may_goto +1', '`may_goto +1` cannot be compiled: the verifier replaces it before the JIT'],
    [
      'r0 = *(u16 *)skb[14]',
      '`r0 = *(u16 *)skb[14]` cannot be compiled: packet access is rewritten by the verifier before the JIT',
    ],
    [
      'r0 = *(u8 *)skb[r6 + 2]',
      '`r0 = *(u8 *)skb[r6 + 2]` cannot be compiled: packet access is rewritten by the verifier before the JIT',
    ],
  ])('%s', (asm, message) => {
    const error = errorOf(`main: call sub; exit; sub: r1 = 0x100000000 ll; ${asm}; r0 = 0; exit`);
    // ld_imm64 takes two slots.
    expect([error.message, error.subprog, error.pc]).toEqual([message, 1, 2]);
  });
});

describe('every other instruction is compiled', () => {
  const file = join(__dirname, '..', 'bpf', 'testdata', 'encodings.txt');
  const texts = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.slice(33))
    .filter((text) => !text.includes('skb[') && !text.startsWith('may_goto'));
  const around = (text: string): string =>
    `.kfunc bpf_throw\n.map counters\n.map ring\nmain:\n${text}\nexit\nexit\nexit\n.func sub\nsub: exit`;
  /** Those that are nothing on x86: a jump to the next instruction. */
  const NOTHING = ['goto +0', 'gotol +0'];

  test.each(texts)('%s', (text) => {
    const code = compiled(around(text)).at('main', 0);
    expect(code.filter((line) => line.includes('(bad)'))).toEqual([]);
    if (!NOTHING.includes(text) && !/^[rw]\d = le64/.test(text)) expect(code).not.toEqual([]);
  });

  test('there were many', () => {
    expect(texts.length).toBeGreaterThan(440);
  });
});

test('a subprog of any size is compiled', () => {
  const insns: Insn[] = [bpf.jeq64('r1', 0, 30_000), ...Array<Insn>(30_000).fill(bpf.mov64('r0', 1)), bpf.exit()];
  const { code, image } = compiled({ name: 'prog', subprogs: [{ name: 'main', insns }], kfuncs: [], maps: [] });
  // The jump goes over all of them, to the first byte of the epilogue.
  const { addrs } = image.functions[0]!;
  expect(Buffer.from(code[0]!).readInt32LE(addrs[1]! - 4)).toBe(addrs[30_001]! - addrs[1]!);
});
