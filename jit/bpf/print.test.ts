import { describe, expect, test } from '@jest/globals';
import { bpf, type Program, printInsn, printProgram } from './index';

const program: Program = {
  name: 'prog',
  kfuncs: ['bpf_throw'],
  maps: ['counters'],
  subprogs: [
    {
      name: 'main',
      insns: [
        bpf.ldMap('r1', 0),
        bpf.jeq64('r1', 0, 1),
        bpf.callSubprog(1),
        bpf.jslt32('r1', 'r2', -3),
        bpf.ldFunc('r2', 2),
        bpf.exit(),
      ],
    },
    { name: 'global', isGlobal: true, insns: [bpf.callHelper('bpf_ktime_get_ns'), bpf.callKfunc(0), bpf.exit()] },
    { name: 'callback', insns: [bpf.exit()] },
    { name: 'exception_cb', insns: [bpf.goto(-1)] },
  ],
};

test('a program', () => {
  expect(printProgram(program)).toBe(`.kfunc bpf_throw
.map counters
main:
  r1 = map[counters] ll
L0:
  if r1 == 0 goto L1
  call global
L1:
  if w1 s< w2 goto L0
  r2 = func[callback] ll
  exit
.global global
global:
  call bpf_ktime_get_ns
  call bpf_throw
  exit
callback:
  exit
.func exception_cb
exception_cb:
L0:
  goto L0
`);
});

describe('an instruction without names', () => {
  test.each([
    [bpf.callSubprog(3), 'call func#3'],
    [bpf.callKfunc(2), 'call kfunc#2'],
    [bpf.callHelper(5), 'call bpf_ktime_get_ns'],
    [bpf.callHelper(-12345), 'call -12345'],
    [bpf.ldMap('r1', 2), 'r1 = map[0x2] ll'],
    [bpf.ldMapValue('r1', 2, 8), 'r1 = map[0x2][0]+8 ll'],
    [bpf.ldFunc('r1', 1), 'r1 = func[0x1] ll'],
    [bpf.goto(0), 'goto +0'],
    [bpf.mayGoto(-2), 'may_goto -2'],
    [bpf.gotol(70000), 'gotol +70000'],
  ])('%j: %s', (insn, text) => {
    expect(printInsn(insn)).toBe(text);
  });
});

test('a name that would be read as another thing is not printed', () => {
  const names = {
    subprogs: ['main', 'bpf_throw', 'bpf_ktime_get_ns'],
    kfuncs: ['bpf_throw', 'bpf_get_smp_processor_id'],
  };
  expect(printInsn(bpf.callHelper(5), names)).toBe('call 5');
  expect(printInsn(bpf.callKfunc(0), names)).toBe('call kfunc#0');
  expect(printInsn(bpf.callKfunc(1), names)).toBe('call kfunc#1');
});

test('an instruction that there is not is printed as its fields', () => {
  expect(printInsn({ ...bpf.add64('r1', 5), off: 3 })).toBe('(07) dst 1, src 0, off 3, imm 5');
});
