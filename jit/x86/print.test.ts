import { describe, expect, test } from '@jest/globals';
import { FORMS, type FormName } from './forms';
import { gs, imm32, imm64, LocalLabel, type Operand, rel8, rel32, type SymbolRef } from './operands';
import { type PrintContext, printAtt, printIntel } from './print';
import { Gpr, r32, r64 } from './registers';

const helper: SymbolRef = { kind: 'helper', name: 'bpf_ktime_get_ns', address: 0xffffffff81530a40n };
const frame: SymbolRef = { kind: 'private-frame', name: 'private_stack(main)' };
const cpu: SymbolRef = { kind: 'percpu', name: 'this_cpu_off' };
const label = new LocalLabel();

const both = (name: FormName, operands: readonly Operand[], ctx?: PrintContext): [string, string] => [
  printIntel(FORMS[name], operands, ctx),
  printAtt(FORMS[name], operands, ctx),
];

describe('names and addresses', () => {
  test('a target has the name that the context gives it', () => {
    const ctx: PrintContext = { target: ({ target }) => (target === label ? 'L0' : 'bpf_ktime_get_ns') };
    expect(both('jne rel8', [rel8(label)], ctx)).toEqual(['jne L0', 'jne L0']);
    expect(both('call rel32', [rel32(helper)], ctx)).toEqual(['call bpf_ktime_get_ns', 'callq bpf_ktime_get_ns']);
  });

  test('or the address', () => {
    const ctx: PrintContext = { target: () => 0x2fn };
    expect(both('jne rel8', [rel8(label)], ctx)).toEqual(['jne 0x2f', 'jne 0x2f']);
    expect(both('call rel32', [rel32(helper)])).toEqual(['call 0xffffffff81530a40', 'callq 0xffffffff81530a40']);
  });

  test('a target without an address is its name, a label without a name has none', () => {
    expect(both('call rel32', [rel32(frame)])[0]).toBe('call private_stack(main)');
    expect(both('jne rel8', [rel8(label)])[0]).toBe('jne ?');
  });

  test('a symbol stands for a value that is not settled', () => {
    expect(both('mov r64, imm64', [r64(Gpr.r9), imm64(0n, frame)])).toEqual([
      'movabs r9, private_stack(main)',
      'movabsq $private_stack(main), %r9',
    ]);
    expect(both('add r64, gs', [r64(Gpr.r9), gs(0, cpu)])).toEqual([
      'add r9, qword ptr gs:[this_cpu_off]',
      'addq %gs:this_cpu_off, %r9',
    ]);
    expect(both('mov r64, imm32', [r64(Gpr.rdi), imm32(0, cpu)])[0]).toBe('mov rdi, this_cpu_off');
  });

  test('the context may settle it; each dialect has its own sign', () => {
    const ctx: PrintContext = { symbol: () => 0xffffffff83b0c028n };
    expect(both('add r64, gs', [r64(Gpr.r9), gs(0, cpu)], ctx)).toEqual([
      'add r9, qword ptr gs:[0xffffffff83b0c028]',
      'addq %gs:-0x7c4f3fd8, %r9',
    ]);
  });

  test('a symbol with an address leaves the value as it is encoded', () => {
    const known: SymbolRef = { ...frame, address: 0x607e1000n };
    expect(both('mov r64, imm64', [r64(Gpr.r9), imm64(0x607e1020n, known)])[0]).toBe('movabs r9, 0x607e1020');
  });
});

test('an immediate may be given with or without a sign: its bits are shown', () => {
  expect(both('mov r32, imm32', [r32(Gpr.rdi), imm32(-1)])).toEqual(['mov edi, 0xffffffff', 'movl $0xffffffff, %edi']);
  expect(both('mov r64, imm32', [r64(Gpr.rdi), imm32(0xffffffff)])).toEqual(['mov rdi, -0x1', 'movq $-0x1, %rdi']);
});
