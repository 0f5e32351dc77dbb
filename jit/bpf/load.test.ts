import { describe, expect, test } from '@jest/globals';
import {
  bpf,
  type DecodeOptions,
  type Insn,
  loadProgram,
  MAX_INSNS,
  type ValidateOptions,
  validateProgram,
} from './index';

const EXIT = '9500000000000000';

const errorsOf = (input: string | Uint8Array, options?: DecodeOptions & ValidateOptions) => {
  const result = loadProgram(input, options);
  return result.ok ? [] : result.errors.map(({ index, text, message }) => ({ index, text, message }));
};

describe('each refusal names the instruction', () => {
  test.each([
    ['nothing', '', 0, '', 'the program is empty'],
    ['odd-length hex', `${EXIT}950`, 1, '950', 'odd number of hexadecimal digits (19)'],
    ['no hex', `${EXIT}95zz`, 1, '95zz', '`z` is not a hexadecimal digit'],
    ['half an instruction', `${EXIT}95000000`, 1, '95000000', 'the last instruction has 4 of 8 bytes'],
    ['an unknown opcode', `ff00000000000000${EXIT}`, 0, '(ff) dst 0, src 0, off 0, imm 0', 'unknown opcode 0xff'],
    [
      'a size that a load has not',
      `9900000000000000${EXIT}`,
      0,
      '(99) dst 0, src 0, off 0, imm 0',
      'unknown opcode 0x99',
    ],
    [
      'a reserved offset',
      `0701010005000000${EXIT}`,
      0,
      '(07) dst 1, src 0, off 1, imm 5',
      'reserved field `off` is 1, must be 0',
    ],
    [
      'a reserved register',
      `9501000000000000`,
      0,
      '(95) dst 1, src 0, off 0, imm 0',
      'reserved field `dst` is 1, must be 0',
    ],
    [
      'a reserved immediate',
      `0f21000005000000${EXIT}`,
      0,
      '(0f) dst 1, src 2, off 0, imm 5',
      'reserved field `imm` is 5, must be 0',
    ],
    [
      'an offset of division',
      `3721020005000000${EXIT}`,
      0,
      '(37) dst 1, src 2, off 2, imm 5',
      'reserved field `src` is 2, must be 0',
    ],
    ['another one', `3701020005000000${EXIT}`, 0, '(37) dst 1, src 0, off 2, imm 5', '`off` is 2, must be 0 or 1'],
    [
      'a sign extension from 24 bits',
      `bf21180000000000${EXIT}`,
      0,
      '(bf) dst 1, src 2, off 24, imm 0',
      '`off` is 24, must be 0, 1, 8, 16 or 32',
    ],
    [
      'a 32-bit sign extension from 32',
      `bc21200000000000${EXIT}`,
      0,
      '(bc) dst 1, src 2, off 32, imm 0',
      '`off` is 32, must be 0, 8 or 16',
    ],
    [
      'a swap of 24 bits',
      `d701000018000000${EXIT}`,
      0,
      '(d7) dst 1, src 0, off 0, imm 24',
      '`imm` is 24, must be 16, 32 or 64',
    ],
    [
      'an unknown atomic operation',
      `db21000030000000${EXIT}`,
      0,
      '(db) dst 1, src 2, off 0, imm 48',
      '`imm` is 48, must be 0, 1, 64, 65, 80, 81, 160, 161, 225, 241, 256 or 272',
    ],
    [
      'an atomic addition of 8 bits',
      `d321000000000000${EXIT}`,
      0,
      '(d3) dst 1, src 2, off 0, imm 0',
      '`imm` is 0, must be 256 or 272',
    ],
    ['register 11', `bfb0000000000000${EXIT}`, 0, 'r0 = ax', "r11 is the verifier's own register, not a program's"],
    ['register 12', `bfc0000000000000${EXIT}`, 0, 'r0 = r12', 'unknown register r12: there are r0 to r10'],
    ['a write to r10', `${EXIT}b70a000005000000${EXIT}`, 1, 'r10 = 5', 'the frame pointer r10 is read only'],
    [
      'a fetch into r10',
      `dba1000001000000${EXIT}`,
      0,
      'r10 = atomic64_fetch_add((u64 *)(r1 + 0), r10)',
      'the frame pointer r10 is read only',
    ],
    ['a shift by 64', `6701000040000000${EXIT}`, 0, 'r1 <<= 64', 'shift by 64: a 64-bit operation shifts by 0 to 63'],
    ['a shift by -1', `74010000ffffffff${EXIT}`, 0, 'w1 >>= -1', 'shift by -1: a 32-bit operation shifts by 0 to 31'],
    ['a division by 0', `9701000000000000${EXIT}`, 0, 'r1 %= 0', 'division by zero'],
    [
      'a jump out of the program',
      `0500010000000000${EXIT}`,
      0,
      'goto +1',
      'jump to 2, outside of the subprog (0 to 1)',
    ],
    ['a jump to before it', `0500feff00000000${EXIT}`, 0, 'goto -2', 'jump to -1, outside of the subprog (0 to 1)'],
    [
      'a jump into ld_imm64',
      `1501010000000000180100000500000000000000000000${'00'}${EXIT}`,
      0,
      'if r1 == 0 goto +1',
      'jump to 2, into the middle of a 64-bit load',
    ],
    [
      'a jump into another subprog',
      `85100000020000000500010000000000${EXIT}${EXIT}`,
      1,
      'goto +1',
      'jump to 3, outside of the subprog (0 to 2)',
    ],
    [
      'a call out of the program',
      `8510000002000000${EXIT}`,
      0,
      'call func#2',
      'refers to 3, where no instruction begins',
    ],
    [
      'a callback out of the program',
      `18410000090000000000000000000000${EXIT}`,
      0,
      'r1 = func[0x9] ll',
      'refers to 10, where no instruction begins',
    ],
    [
      'a 64-bit load cut in half',
      `${EXIT}1801000005000000`,
      1,
      '1801000005000000',
      'the second half of ld_imm64 is missing',
    ],
    [
      'a bad second half',
      `18010000050000000001000000000000${EXIT}`,
      1,
      'r1 = 0x5 ll',
      'reserved fields in the second half of ld_imm64 are not zero',
    ],
    [
      'an unknown kind of 64-bit load',
      `18710000050000000000000000000000${EXIT}`,
      0,
      '(18) dst 1, src 7, off 0, imm 0',
      '`src` is 7, must be 0, 1, 2, 3, 4, 5 or 6',
    ],
    [
      'falling off the end',
      'b700000000000000',
      0,
      'r0 = 0',
      'control falls off the end: the last instruction must be exit or a jump',
    ],
    ['an unknown helper', `8500000088130000${EXIT}`, 0, 'call 5000', 'unknown helper 5000'],
    ['helper 0', `8500000000000000${EXIT}`, 0, 'call 0', 'unknown helper 0'],
    [
      'an unknown kind of call',
      `8530000001000000${EXIT}`,
      0,
      'call kind3#1',
      'unknown kind of call: `src` is 3, must be 0, 1 or 2',
    ],
    ["the verifier's barrier", `c200000000000000${EXIT}`, 0, 'nospec', 'only the verifier makes this instruction'],
    [
      "the verifier's per-CPU move",
      `bf21ffff00000000${EXIT}`,
      0,
      'r1 = &(void __percpu *)(r2)',
      'only the verifier makes this instruction',
    ],
    [
      'an offset of a call',
      `8500010005000000${EXIT}`,
      0,
      'call bpf_ktime_get_ns + 1',
      'only the verifier makes this instruction',
    ],
  ])('%s', (_, hex, index, text, message) => {
    expect(errorsOf(hex)).toEqual([{ index, text, message }]);
  });

  test('1,000,001 instructions', () => {
    const most = Array<Insn>(MAX_INSNS).fill(bpf.exit());
    const program = (insns: Insn[]) => ({ name: 'prog', subprogs: [{ name: 'main', insns }], kfuncs: [], maps: [] });
    expect(validateProgram(program(most))).toEqual([]);
    expect(validateProgram(program([...most, bpf.exit()]))).toMatchObject([
      { index: MAX_INSNS, text: 'exit', message: 'a program has at most 1000000 instructions' },
    ]);
  });

  test('257 subprogs', () => {
    const calls = Array.from({ length: 256 }, () => bpf.callSubprog(1));
    const one = (name: string) => ({ name, insns: [bpf.exit()] });
    const rest = calls.map((_, i) => one(`f${i}`));
    const program = {
      name: 'prog',
      subprogs: [{ name: 'main', insns: [...calls, bpf.exit()] }, ...rest],
      kfuncs: [],
      maps: [],
    };
    expect(validateProgram(program)).toMatchObject([{ index: 512, message: 'a program has at most 256 subprogs' }]);
    expect(validateProgram({ ...program, subprogs: program.subprogs.slice(0, 256) })).toEqual([]);
  });

  test('names that cannot be written', () => {
    const names = { kfuncs: ['a', 'b', 'a'], maps: ['r1', 'two words'] };
    const program = { name: 'prog', subprogs: [{ name: 'main', insns: [bpf.exit()] }], ...names };
    expect(validateProgram(program).map(({ message }) => message)).toEqual([
      'there are two kfuncs `a`',
      '`r1` cannot be the name of a map',
      '`two words` cannot be the name of a map',
    ]);
  });

  test('an entry where no instruction begins', () => {
    expect(errorsOf(EXIT, { entries: [1] })).toEqual([{ index: 1, text: '', message: 'no instruction begins at 1' }]);
  });

  test('at most 100 of them', () => {
    expect(errorsOf('ff00000000000000'.repeat(1000)).length).toBe(100);
  });
});

test('white space in hex is free', () => {
  expect(loadProgram('b7 00 00 00  05 00 00 00\n9500000000000000\n')).toMatchObject({ ok: true });
});

test("the verifier's output is taken where it is allowed", () => {
  const hex = `bfb0000000000000c200000000000000bf21ffff000000008500000088130000`;
  expect(errorsOf(hex).length).toBe(5);
  expect(errorsOf(hex, { kernelInternal: true })).toEqual([]);
});
