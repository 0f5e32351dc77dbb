import { describe, expect, test } from '@jest/globals';
import { type Insn, isLdImm64, printProgram } from '../../jit';
import { issues, program, testdata, text } from './testing';

/** The answers that a program stores, by place. */
function answers(name: string, section: string): Record<number, bigint> {
  const found: Record<number, bigint> = {};
  const registers = new Map<number, bigint>();
  const store = 0x7b;
  for (const insn of program(name, section).program.subprogs[0]!.insns as readonly Insn[]) {
    if (insn.code === store && insn.off >= 0) found[insn.off / 8] = registers.get(insn.src)!;
    else registers.set(insn.dst, isLdImm64(insn) ? insn.imm64! : BigInt(insn.imm));
  }
  return found;
}

describe('what a program asks of the types', () => {
  const found = answers('core', 'kprobe/asks');

  test.each([
    ['the offset of an element', 0, 120n],
    ['the size of an array', 1, 24n],
    ['a field in unnamed structs exists', 2, 1n],
    ['a field of another flavour does not', 3, 0n],
    ['a signed bit field', 4, 1n],
    ['how far it is shifted left', 5, 56n],
    ['and right', 6, 59n],
    ['where its word is', 7, 320n],
    ['a typedef exists', 9, 1n],
    ['its size', 10, 24n],
    ['a struct that there is not', 11, 0n],
    ['the value of an enumerator', 12, 77n],
    ['one that there is not', 13, 0n],
    ['the size of a field', 14, 8n],
    ['an enumerator exists', 15, 1n],
  ])('%s', (_, place, value) => {
    expect(found[place]).toBe(value);
  });

  test('ids of types are different ones in the program and in the kernel', () => {
    expect(found[8]).not.toBe(found[16]);
  });

  test('whole types match', () => {
    expect(answers('types', 'matches')).toEqual({ 0: 1n, 1: 0n, 2: 1n, 3: 0n, 4: 0n });
  });
});

test('loads have the offset and width that the field has in the kernel', () => {
  const text = printProgram(program('core', 'kprobe/loads').program);
  for (const load of ['r3 = *(u32 *)(r1 + 16)', 'r4 = *(u64 *)(r1 + 24)', 'r0 = *(u64 *)(r1 + 168)'])
    expect(text).toContain(load);
});

test('what is asked for before is never come to', () => {
  expect(printProgram(program('core', 'kprobe/guarded').program)).not.toContain('*(u32 *)');
});

test('what the kernel does not have is an error where the program may come to it', () => {
  expect(issues(testdata('core')).map(text)).toEqual([
    'section kprobe/unguarded + 0x0: CO-RE: the kernel has no struct thing.gone, expected a kernel that has it, or `bpf_core_..._exists()` before',
  ]);
  expect(issues(testdata('core'))[0]!.source).toMatchObject({
    line: 75,
    text: 'return ((struct thing___old *)thing)->gone;',
  });
});

test.each([
  ['there is none', undefined, 'its CO-RE relocations need the types of a kernel'],
  ['an object without', testdata('kernel').fill(0x78, 1300), "the kernel's BTF"],
  ['no BTF at all', new Uint8Array(64), 'not BTF in little endian'],
])('the types of the kernel are wrong: %s', (_, bytes, message) => {
  const found = issues(testdata('core'), { section: 'kprobe/loads', kernelTypes: () => bytes });
  expect(found.map(text).join()).toContain(message);
});
