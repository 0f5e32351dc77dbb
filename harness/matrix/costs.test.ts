import { describe, expect, test } from '@jest/globals';
import { combine, POLICIES, policyNamed, type StackPolicy, sensibleCombinations } from '../../jit';
import type { Size } from '../report/matrix-model';
import { policyCosts } from './costs';

const text = ({ bytes, insns }: Size): string => `${bytes}/${insns}`;
const of = (policy: StackPolicy) => {
  const { prologue, epilogue, inner, boundary, callback, call, access, total } = policyCosts(policy);
  return [
    text(prologue.added),
    text(epilogue.added),
    text(inner.prologue.added),
    text(inner.epilogue.added),
    ...(['subprog', 'helper', 'kfunc', 'throw'] as const).map((kind) => text(call[kind])),
    text(boundary.prologue.added),
    text(boundary.epilogue.added),
    text(callback.added),
    text(access),
    text(total.added),
  ].join(' ');
};

describe('what policies cost', () => {
  /** `sub rsp, imm32` (7 bytes) goes; `movabs r9` (10) and `add r9, gs:` (9) come. Push and pop are 2 bytes each. */
  test.each([
    ['kernel-stack', '0/0 0/0 0/0 0/0 0/0 0/0 0/0 0/0 0/0 0/0 0/0 0/0 0/0'],
    ['linux-6.18', '12/1 0/0 12/1 0/0 4/2 4/2 4/2 4/2 12/1 0/0 0/0 0/0 40/10'],
    // lea rsp, [rbp - 40]
    ['linux-6.18-fixed', '12/1 0/0 12/1 0/0 4/2 4/2 4/2 4/2 12/1 0/0 4/1 0/0 44/11'],
    // The inner subprog adds an imm8 to r9: 4 bytes. The callback has a tree of its own.
    ['subtree', '12/1 0/0 -3/0 0/0 4/2 4/2 4/2 4/2 12/1 0/0 14/2 0/0 39/11'],
    ['callee-adjust', '12/1 0/0 -3/0 4/1 0/0 4/2 4/2 4/2 12/1 0/0 12/1 0/0 37/9'],
    // One push in the boundary, a pop in its epilogue, a pop in the callback.
    ['boundary-once', '12/1 0/0 -3/0 0/0 0/0 4/2 4/2 0/0 14/2 2/1 14/2 0/0 35/9'],
    ['caller-add', '12/1 0/0 -7/-1 0/0 8/3 4/2 4/2 4/2 12/1 0/0 14/2 0/0 39/11'],
    // Nothing is loaded again behind a throw.
    ['reload', '12/1 0/0 12/1 0/0 19/2 19/2 19/2 0/0 12/1 0/0 0/0 0/0 81/8'],
    // push r12 and pop r12; a boundary does that anyhow. Through r12 every address has a SIB byte.
    ['callee-saved', '14/2 2/1 14/2 2/1 0/0 0/0 0/0 0/0 12/1 0/0 0/0 1/0 30/4'],
  ])('%s', (name, want) => {
    expect(of(policyNamed(name)!)).toBe(want);
  });

  test('what is whole is what is added, and what there is without private frames', () => {
    const whole = (name: string) => policyCosts(policyNamed(name)!).prologue;
    for (const { name } of POLICIES) {
      const { bytes, insns, added } = whole(name);
      const { bytes: b, insns: i } = whole('kernel-stack');
      expect([name, bytes - added.bytes, insns - added.insns]).toEqual([name, b, i]);
    }
    // nop5, nop3, push rbp, mov rbp rsp, sub rsp: as in the captures.
    expect(whole('kernel-stack')).toMatchObject({ bytes: 19, insns: 5 });
  });

  test('the parts are all there is: nothing else of the program differs', () => {
    for (const choices of sensibleCombinations()) {
      const { inner, boundary, callback, call, access, total } = policyCosts(combine(choices) as StackPolicy);
      const parts = [
        ...[inner, boundary].flatMap(({ prologue, epilogue }) => [prologue.added, epilogue.added]),
        ...[callback.added, ...Object.values(call), access, access],
        // The callback's own frame is private, too.
        ...(choices.block === 'subtree' ? [access] : []),
      ];
      const sum = (key: keyof Size) => parts.reduce((all, each) => all + each[key], 0);
      expect([choices.name, sum('bytes'), sum('insns')]).toEqual([choices.name, total.added.bytes, total.added.insns]);
    }
  });
});
