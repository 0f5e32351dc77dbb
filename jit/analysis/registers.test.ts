import { expect, test } from '@jest/globals';
import { bpf, type Insn, parseAsm } from '../bpf';
import { calleeSavedRegisters } from './registers';

test.each<[text: string, registers: number[]]>([
  ['r0 = 0; exit', []],
  ['r6 = 0; exit', [6]],
  ['r0 = r9; exit', [9]],
  ['*(u64 *)(r10 - 8) = r8; exit', [8]],
  ['r7 = 0x1122334455667788 ll; exit', [7]],
  ['r9 = r1; r6 = r2; r8 = r7; exit', [6, 7, 8, 9]],
  ['r1 = r10; r1 += r5; exit', []],
])('%s: %j', (text, registers) => {
  const parsed = parseAsm(text);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
  expect(calleeSavedRegisters(parsed.program.subprogs[0]!.insns)).toEqual(registers);
});

test('the kind of an address is not a register', () => {
  const byIndex: Insn = { ...bpf.ldImm64('r1', 0), src: 6 };
  expect(calleeSavedRegisters([byIndex])).toEqual([]);
});
