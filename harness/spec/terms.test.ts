import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { SubprogNames } from './subprogs';
import { evaluate, type TermEnvironment } from './term-values';
import { constantTerm, parseTerm, type Term } from './terms';

const NAMES = new SubprogNames([
  ['prog', ['main', 'sub']],
  ['ext', ['main', 'inner']],
]);

const ENVIRONMENT: TermEnvironment = {
  privateStackPtr: () => 0x1000n,
  block: ({ subprog }, cpu) => (subprog === 'sub' ? undefined : 0x2000n + BigInt(cpu ?? 7)),
  framePointer: ({ program, subprog }, cpu) => BigInt(program.length * 100 + subprog.length * 10 + (cpu ?? 7)),
  kernelStack: () => 0x3000n,
  depth: () => 0x40n,
  junk: (label) => BigInt(label.length),
  caller: (register) => BigInt(Number(register.slice(1))),
};

const parse = (text: string): Term => {
  const parsed = parseTerm(text, NAMES);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
  return parsed.term;
};

describe('values', () => {
  test.each([
    ['42', 42n],
    ['0xff', 255n],
    ['-1', 2n ** 64n - 1n],
    ['--1', 1n],
    ['+ - 3 - - 5', 2n],
    ['private_stack_ptr + 256', 0x1100n],
    ['block(prog.main) + 8 + 0x10', 0x201fn],
    ['block(inner, cpu 1)', 0x2001n],
    ['sub_fp', 437n],
    ['prog.main_fp', 447n],
    ['fp(inner)', 357n],
    ['fp( ext.main ,cpu 0 )', 340n],
    ['kernel_stack(sub) - depth(sub)', 0x2fc0n],
    ['junk(rax)', 3n],
    ['caller.r15', 15n],
    ['0x10000000000000000', 0n],
  ])('%s', (text, value) => {
    expect(evaluate(parse(text), ENVIRONMENT)).toBe(value);
  });

  test('a term with an atom that has no value has none', () => {
    expect(evaluate(parse('block(sub) + 8'), ENVIRONMENT)).toBeUndefined();
  });

  test('a plain number of the file is a term', () => {
    expect(evaluate(constantTerm(-2), ENVIRONMENT)).toBe(2n ** 64n - 2n);
  });
});

describe('errors', () => {
  test.each([
    ['', 1, 'the term ends here', undefined],
    ['8 +', 4, 'the term ends here', undefined],
    ['8 8', 3, '`8` does not belong here', undefined],
    ['8 + )', 5, '`)` does not belong here', undefined],
    ['8 * 2', 3, '`*` is no part of a term', undefined],
    ['0x', 1, '`0x` is no part of a term', undefined],
    ['12ab', 1, '`12ab` is no part of a term', undefined],
    ['privat_stack_ptr', 1, 'unknown name `privat_stack_ptr`', 'private_stack_ptr'],
    ['8 + subb_fp', 5, 'unknown subprog `subb`', 'sub'],
    ['fp(innr)', 4, 'unknown subprog `innr`', 'inner'],
    ['main_fp', 1, 'several programs have a subprog `main`', undefined],
    ['blck(sub)', 1, 'unknown term `blck()`', 'block'],
    ['constructor(sub)', 1, 'unknown term `constructor()`', undefined],
    ['fp()', 4, 'fp() needs an argument', undefined],
    ['fp(sub', 7, 'the parenthesis is not closed', undefined],
    ['fp(sub, 1)', 9, 'not a CPU', undefined],
    ['fp(sub, cpu 2)', 9, 'not a CPU', undefined],
    ['depth(sub, cpu 1)', 1, 'depth() takes no cpu', undefined],
    ['caller.r16', 8, 'unknown register `r16`', 'r10'],
  ])('%j', (text, column, message, suggestion) => {
    const parsed = parseTerm(text, NAMES);
    expect(parsed).toMatchObject({ ok: false, errors: [{ line: 1, column, message }] });
    if (!parsed.ok) expect(parsed.errors[0]!.suggestion).toBe(suggestion);
  });

  test('all unknown names are reported at once', () => {
    const parsed = parseTerm('a_fp + b_fp + c', NAMES);
    expect(parsed.ok ? [] : parsed.errors.map(({ column }) => column)).toEqual([1, 8, 15]);
  });
});

const ATOMS = [
  '0',
  '7',
  '0xffffffffffffffff',
  'private_stack_ptr',
  'sub_fp',
  'fp(inner, cpu 0)',
  'caller.r12',
  'junk(x)',
];
const part = fc.record({
  signs: fc.stringMatching(/^[+-]{1,3}$/),
  atom: fc.constantFrom(...ATOMS),
  space: fc.stringMatching(/^ {0,2}$/),
});

test('a sum is the sum of its parts, mod 2^64, however it is spaced', () => {
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 6 }), (parts) => {
      const text = parts.map(({ signs, atom, space }) => space + signs + space + atom).join('');
      const sum = parts.reduce((total, { signs, atom }) => {
        const value = evaluate(parse(atom), ENVIRONMENT)!;
        return total + ([...signs].filter((each) => each === '-').length % 2 === 1 ? -value : value);
      }, 0n);
      expect(evaluate(parse(text), ENVIRONMENT)).toBe(BigInt.asUintN(64, sum));
    }),
  );
});

test('columns point at the atoms', () => {
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 6 }), (parts) => {
      const text = parts.map(({ signs, atom, space }) => space + signs + space + atom).join('');
      parse(text).parts.forEach(({ atom }, at) => {
        expect(text.slice(atom.column - 1).startsWith(parts[at]!.atom)).toBe(true);
      });
    }),
  );
});

test('no text makes the parser throw', () => {
  const pieces = fc.constantFrom(
    '+',
    '-',
    '(',
    ')',
    ',',
    ' ',
    'cpu',
    '0',
    '9',
    'fp',
    'sub',
    '_fp',
    '.',
    'caller.',
    '§',
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 12 }), (words) => {
      const parsed = parseTerm(words.join(''), NAMES);
      expect(parsed.ok || parsed.errors.length > 0).toBe(true);
    }),
  );
});
