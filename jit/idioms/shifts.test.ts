import { describe, expect, test } from '@jest/globals';
import { compiled } from '../testing/program';
import { GPR_NAMES, r8, r32, r64, X86_64 } from '../x86';

type Registers = Map<string, bigint>;

/** The 64-bit register that a name is part of, and how many bits of it. */
const PARTS = new Map(
  [...GPR_NAMES.keys()].flatMap((num) =>
    (
      [
        [r64, 64],
        [r32, 32],
        [r8, 8],
      ] as const
    ).map(([bank, bits]) => [bank(num).name, [r64(num).name, bits]] as const),
  ),
);

const read = (registers: Registers, name: string): bigint => {
  const [whole, bits] = PARTS.get(name)!;
  return BigInt.asUintN(bits, registers.get(whole)!);
};

/** Writing 32 bits clears the others (SDM vol. 1, 3.4.1.1). */
const write = (registers: Registers, name: string, value: bigint): void => {
  const [whole, bits] = PARTS.get(name)!;
  registers.set(whole, BigInt.asUintN(bits, value));
};

const SHIFTS: Readonly<Record<string, (value: bigint, count: bigint, bits: number) => bigint>> = {
  shl: (value, count) => value << count,
  shr: (value, count) => value >> count,
  sar: (value, count, bits) => BigInt.asIntN(bits, value) >> count,
};

/** Runs the few instructions of which shifts are made, as a disassembler writes them. */
function run(code: readonly string[], registers: Registers): void {
  const stack: bigint[] = [];
  for (const line of code) {
    const [mnemonic, to, ...from] = line.split(/,? /) as [string, string, ...string[]];
    const bits = PARTS.get(to)![1];
    if (mnemonic === 'mov') write(registers, to, read(registers, from[0]!));
    else if (mnemonic === 'push') stack.push(read(registers, to));
    else if (mnemonic === 'pop') write(registers, to, stack.pop()!);
    else {
      const value = read(registers, from.length === 2 ? from[0]! : to);
      const count = read(registers, from[from.length - 1]!) & BigInt(bits - 1);
      write(registers, to, SHIFTS[mnemonic.replace(/x$/, '')]!(value, count, bits));
    }
  }
  expect(stack).toEqual([]);
}

const OPERATORS = [
  ['<<=', 'shl'],
  ['>>=', 'shr'],
  ['s>>=', 'sar'],
] as const;

/** What is in the registers before: all different, the sign bits of some set, counts of all sizes. */
const filled = (): Registers =>
  new Map(GPR_NAMES.map((name, i) => [name, BigInt.asUintN(64, 0x9e3779b97f4a7c15n * BigInt(i + 3))]));

const numbers = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];

describe.each([true, false])('shifts by a register, BMI2 %s', (bmi2) => {
  describe.each(OPERATORS)('%s', (operator, mnemonic) => {
    test.each([64, 32] as const)('%d bits: every pair of registers, and nothing else changes', (bits) => {
      for (const dst of numbers) {
        for (const src of numbers) {
          const letter = bits === 64 ? 'r' : 'w';
          const asm = `main: ${letter}${dst} ${operator} ${letter}${src}; exit`;
          const code = compiled(asm, { config: { bmi2 } }).at('main', 0);
          const registers = filled();
          const want = filled();
          const name = GPR_NAMES[X86_64.bpf[dst]!]!;
          const count = want.get(GPR_NAMES[X86_64.bpf[src]!]!)! & BigInt(bits - 1);
          const value = BigInt.asUintN(bits, want.get(name)!);
          want.set(name, BigInt.asUintN(bits, SHIFTS[mnemonic]!(value, count, bits)));
          run(code, registers);
          for (const each of [registers, want]) each.delete(GPR_NAMES[X86_64.scratch]!);
          expect([asm, code, registers]).toEqual([asm, code, want]);
        }
      }
    });
  });
});

describe('the instructions', () => {
  test.each<[asm: string, bmi2: boolean, code: string[]]>([
    ['r1 <<= r2', true, ['shlx rdi, rdi, rsi']],
    ['r1 <<= r4', true, ['shl rdi, cl']],
    ['r4 <<= r1', true, ['shlx rcx, rcx, rdi']],
    ['w1 s>>= w2', true, ['sarx edi, edi, esi']],
    ['r1 <<= r2', false, ['push rcx', 'mov rcx, rsi', 'shl rdi, cl', 'pop rcx']],
    ['r1 >>= r4', false, ['shr rdi, cl']],
    ['r4 >>= r4', false, ['shr rcx, cl']],
    ['r4 s>>= r1', false, ['mov r11, rcx', 'mov rcx, rdi', 'sar r11, cl', 'mov rcx, r11']],
    ['w4 <<= w1', false, ['mov r11, rcx', 'mov rcx, rdi', 'shl r11d, cl', 'mov rcx, r11']],
    ['r6 <<= 1', false, ['shl rbx, 0x1']],
    ['w6 s>>= 31', false, ['sar ebx, 0x1f']],
  ])('%s, BMI2 %s', (asm, bmi2, code) => {
    expect(compiled(`main: ${asm}; exit`, { config: { bmi2 } }).at('main', 0)).toEqual(code);
  });
});
