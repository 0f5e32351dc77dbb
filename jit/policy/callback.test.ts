import { describe, expect, test } from '@jest/globals';
import { compiled } from '../testing/program';
import { combine, policyNamed, type StackPolicy, sensibleCombinations } from './index';
import { THROWING, thrown } from './testing/programs';

describe('exception callbacks', () => {
  const entry = (asm: string, policy: string | StackPolicy) => {
    const caught = compiled(asm, thrown(policy)).listing('caught');
    return caught.slice(4, caught.indexOf('pop r15')).join('; ');
  };
  const fromRbp = (changes: Partial<StackPolicy>): StackPolicy => ({ ...policyNamed('linux-6.18-fixed')!, ...changes });

  test('pop-if-own: a callback with a frame on the kernel stack does not pop', () => {
    expect(entry(THROWING.replace('r10 - 136', 'r10 - 8'), 'subtree')).toBe('');
  });

  test.each(['linux-6.18-pop', 'boundary-once'])(
    '%s: nothing is popped for a boundary on the kernel stack',
    (policy) => {
      const plain = THROWING.replace('r10 - 128', 'r10 - 8').replace('r10 - 80', 'r10 - 16');
      expect(entry(plain, policy)).toBe('');
    },
  );

  test.each<[string, string, Partial<StackPolicy>]>([
    ['private boundary', '[rbp-0x28]', {}],
    ['private boundary with a word of its own', '[rbp-0x30]', { preserve: policyNamed('spill-slot')!.preserve }],
    ['private boundary that pushes once', '[rbp-0x28]', { boundary: policyNamed('boundary-once')!.boundary }],
    ['boundary on the kernel stack', '[rbp-0xa8]', { block: 'none' }],
  ])('from-rbp, %s', (_name, where, changes) => {
    expect(entry(THROWING, fromRbp(changes))).toBe(`lea rsp, ${where}`);
  });

  test('from-rbp, a boundary with a tail-call counter, and an unaligned depth', () => {
    const asm = THROWING.replace('r10 - 128', 'r10 - 121').replace('u64 *)(r10 - 121', 'u8 *)(r10 - 121');
    const tail = asm.replace('call sub', 'r2 = 0; r3 = 0; call bpf_tail_call; call sub');
    expect(entry(tail, fromRbp({}))).toBe('lea rsp, [rbp-0xb8]');
  });

  test('from-rbp finds where the boundary began to save, under every policy that can be built', () => {
    for (const choices of sensibleCombinations()) {
      if (choices.callback !== 'from-rbp') continue;
      const policy = combine(choices) as StackPolicy;
      for (const asm of [
        THROWING,
        THROWING.replace('r10 - 128', 'r10 - 20').replace('u64 *)(r10 - 20', 'u32 *)(r10 - 20'),
      ]) {
        const main = compiled(asm, thrown(policy)).listing('main').slice(4);
        const saved = main.slice(0, main.indexOf('push r15') + 1);
        const bytes = saved.map((line) => (line.startsWith('push') ? 8 : Number(line.replace('sub rsp, ', ''))));
        const depth = bytes.reduce((sum, each) => sum + each, 0);
        expect([choices.name, entry(asm, policy)]).toEqual([choices.name, `lea rsp, [rbp-0x${depth.toString(16)}]`]);
      }
    }
  });

  test('skip drops the word, for a private boundary alone', () => {
    const [policy] = [...sensibleCombinations()].filter(
      ({ block, callback }) => block === 'function' && callback === 'skip',
    );
    const skip = combine(policy!) as StackPolicy;
    expect(entry(THROWING, skip)).toBe('add rsp, 0x8');
    expect(entry(THROWING.replace('r10 - 128', 'r10 - 8'), skip)).toBe('');
  });
});
