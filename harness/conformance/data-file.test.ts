import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { printInsn } from '../../jit';
import { interpret } from '../oracle';
import { formatDataError, parseDataFile, runInterpreted } from './index';
import { INSTRUCTIONS } from './instructions';

function parsed(text: string) {
  const result = parseDataFile(text, 'some/folder/name.data');
  if (!result.ok) throw new Error(result.errors.map((error) => formatDataError('name.data', error)).join('\n'));
  return result.case;
}

const errors = (text: string): string[] => {
  const result = parseDataFile(text, 'name.data');
  return result.ok ? [] : result.errors.map((error) => formatDataError('name.data', error));
};

const asm = (text: string): string[] => parsed(`-- asm\n${text}\n-- result\n0`).insns.map((insn) => printInsn(insn));

describe('sections', () => {
  test('all of them', () => {
    const each = parsed(
      '# a licence\r\n\r\n-- asm\r\nmov %r0, 1 # one\r\nexit\r\n-- mem\r\n00 1 ff\r\n-- no register offset\r\nx\r\n-- result\r\n0x1',
    );
    expect(each).toMatchObject({ name: 'name', file: 'some/folder/name.data', refusal: null });
    expect([...each.memory]).toEqual([0, 1, 255]);
    expect(each.expected).toEqual({ result: 1n });
    expect(each.position).toEqual({ line: 4, column: 1 });
    expect(each.program?.subprogs[0]?.insns).toHaveLength(2);
  });

  test.each([
    ['0x10', { result: 16n }],
    ['10', { result: 10n }],
    ['-1', { result: 2n ** 64n - 1n }],
  ])('result %s', (text, expected) => {
    expect(parsed(`-- asm\nexit\n-- result\n${text}`).expected).toEqual(expected);
  });

  test.each([
    ['-- error\nbad # thing', { error: 'bad # thing' }],
    ['-- error\n', { error: '' }],
    ['-- result\n0\n-- error\n', { result: 0n }],
    ['-- result\n0\n-- error\nbad', { error: 'bad' }],
    ['', null],
  ])('outcome %j', (text, expected) => {
    expect(parsed(`-- asm\nexit\n${text}`).expected).toEqual(expected);
  });

  test.each([
    [
      '-- map\nx\n-- asm\nexit',
      'name.data:1:1: unknown section `map`; there are asm, raw, mem, result, error, no register offset, c',
    ],
    ['-- asm\nexit\n-- asm\nexit', 'name.data:3:1: there are two sections `asm`'],
    ['-- result\n0', 'name.data:1:1: there are no instructions: `-- asm` or `-- raw`'],
    ['-- asm\n# nothing', 'name.data:1:1: there are no instructions: `-- asm` or `-- raw`'],
    ['-- asm\nexit\n-- mem\n00 1g', 'name.data:4:4: `1g` is not a byte in hexadecimal'],
    ['-- asm\nexit\n-- mem\n123', 'name.data:4:1: `123` is not a byte in hexadecimal'],
    ['-- asm\nexit\n-- result\none', 'name.data:4:1: `one` is not a 64-bit number'],
    ['-- asm\nexit\n-- result\n1 2', 'name.data:4:3: a result is one number'],
    ['-- raw\n0x95\n0x1ffffffffffffffff', 'name.data:3:1: `0x1ffffffffffffffff` is not a 64-bit number'],
    ['-- raw\n0x95\n0x18', 'name.data:3:1: the second half of ld_imm64 is missing'],
    ['-- raw\n0x18\n0x1', 'name.data:3:1: reserved fields in the second half of ld_imm64 are not zero'],
  ])('%j is an error', (text, message) => {
    expect(errors(text)).toEqual([message]);
  });
});

describe('the dialect', () => {
  test.each([
    ['mov %r1, 0x7fffffff', 'r1 = 2147483647'],
    ['mov r1, r2', 'r1 = r2'],
    ['mov32 %r1, 0xffffffff', 'w1 = -1'],
    ['mov %r1, 0xfffffffffffffffe', 'r1 = -2'],
    ['mov %r1, 0x1122334480000000', 'r1 = -2147483648'],
    ['add %r1,%r2', 'r1 += r2'],
    ['sdiv32 %r1, -2', 'w1 s/= -2'],
    ['movsx1632 %r1, %r2', 'w1 = (s16)w2'],
    ['be16 %r3', 'r3 = be16 r3'],
    ['swap64 %r3', 'r3 = bswap64 r3'],
    ['lddw %r1, -1', 'r1 = 0xffffffffffffffff ll'],
    ['ldxb %r1, [%r2]', 'r1 = *(u8 *)(r2 + 0)'],
    ['ldxdw %r1, [r2 + 0x10]', 'r1 = *(u64 *)(r2 + 16)'],
    ['ldxw %r1, [%r10+0xfffc]', 'r1 = *(u32 *)(r10 - 4)'],
    ['stw [%r10-4], 0x11', '*(u32 *)(r10 - 4) = 17'],
    ['stxh [%r10-4], %r3', '*(u16 *)(r10 - 4) = r3'],
    ['jsgt %r1, -1, +2', 'if r1 s> -1 goto +2'],
    ['jne32 %r1, %r2, -3', 'if w1 != w2 goto -3'],
    ['ja32 +70000', 'gotol +70000'],
    ['call 5', 'call bpf_ktime_get_ns'],
    ['call helper 0x5', 'call bpf_ktime_get_ns'],
    ['call bpf_map_lookup_elem', 'call bpf_map_lookup_elem'],
    ['call local +1', 'call func#1'],
    ['lock add [%r10-8], %r1', 'lock *(u64 *)(r10 - 8) += r1'],
    ['lock fetch xor32 [%r10-8], %r1', 'w1 = atomic_fetch_xor((u32 *)(r10 - 8), w1)'],
  ])('%s', (text, expected) => {
    expect(asm(text)[0]).toBe(expected);
  });

  test('labels count slots, and may share a line with an instruction', () => {
    expect(asm('back: lddw %r1, 1\nja there\nja back\nthere:\nlast:\nexit')).toEqual([
      'r1 = 0x1 ll',
      'goto +1',
      'goto -4',
      'exit',
    ]);
  });

  test('the first exit is a label, unless there is one of that name', () => {
    expect(asm('ja exit\nmov %r0, 0\nexit\nexit')[0]).toBe('goto +1');
    expect(asm('ja exit\nmov %r0, 0\nexit\nexit:\nexit')[0]).toBe('goto +2');
  });

  test.each([
    ['move %r0, 1', '2:1: unknown instruction `move`; `mov`?'],
    ['lock fetch_nand [%r1], %r2', '2:1: unknown instruction `lock fetch_nand`; `lock fetch_and`?'],
    ['mov %r16, 1', '2:5: `%r16` is not a register: %r0 to %r10'],
    ['mov %r0', '2:1: `mov` takes 2 operands: mov %dst, %src or imm'],
    ['exit  7', '2:7: `exit` takes 0 operands: exit'],
    ['mov %r0, x', '2:10: `x` is neither a register nor a number'],
    ['mov %r0, 0x10000000000000000', '2:10: 0x10000000000000000 does not fit in 64 bits'],
    ['lddw %r0, 0x10000000000000000', '2:11: 0x10000000000000000 does not fit in 64 bits'],
    ['ldxw %r0, %r1', '2:11: `%r1` is not a memory operand: [%r1+4]'],
    ['ldxw %r0, [%r1+4', '2:11: `[%r1+4` is not a memory operand: [%r1+4]'],
    ['ldxw %r0, [%x+4]', '2:11: `%x` is not a register: %r0 to %r10'],
    ['ldxw %r0, [%r1+70000]', '2:11: offset 70000 does not fit in 16 bits'],
    ['stxw [%r1], 5', '2:13: `5` is not a register: %r0 to %r10'],
    ['jeq %r0, 1, nowhere', '2:13: there is no label `nowhere`'],
    ['ja +40000', '2:4: a jump over 40000 slots does not fit in 16 bits'],
    ['call nobody', '2:6: `nobody` is neither a helper nor a number'],
    ['a:\na:', '3:1: there are two labels `a`'],
    ['5:', '2:1: `5` cannot be a label'],
  ])('%j is an error', (text, message) => {
    expect(errors(`-- asm\n${text}`)).toEqual([`name.data:${message}`]);
  });

  test('all errors of a file, in order', () => {
    expect(errors('-- asm\nmov %r0, q\n\nfoo %r1\n-- mem\nzz')).toHaveLength(3);
  });
});

describe('what Linux refuses', () => {
  test('is no program, with the line', () => {
    const each = parsed('-- asm\nmov %r0, 0\nlddw %r1, 5\nmov %r10, 0\nexit\n-- error\n');
    expect(each.program).toBeNull();
    expect(each.refusal).toBe('line 4: r10 = 0: the frame pointer r10 is read only');
  });

  test('but is defined, becomes what it means', () => {
    const text = '-- asm\nlsh %r1, 65\narsh32 %r1, 33\ndiv %r1, 0\nsmod32 %r1, 0\nrsh %r1, 63\ndiv32 %r1, 5\nexit';
    expect(parsed(text).program?.subprogs[0]?.insns.map((insn) => printInsn(insn))).toEqual([
      'r1 <<= 1',
      'w1 s>>= 1',
      'r1 = 0',
      'w1 = w1',
      'r1 >>= 63',
      'w1 /= 5',
      'exit',
    ]);
    expect(parsed(text).insns[0]?.imm).toBe(65);
  });
});

describe('files that nobody wrote', () => {
  const heads = INSTRUCTIONS.flatMap(({ head }) => head ?? []);
  const word = fc.constantFrom(
    '%r0',
    '%r1',
    'r10',
    '[%r1+0]',
    '[%r10-8]',
    '5',
    '-1',
    '+1',
    '-2',
    'l',
    '0x123456789',
    '[',
    ',',
  );
  const line = fc.oneof(
    {
      weight: 8,
      arbitrary: fc
        .tuple(fc.constantFrom(...heads), fc.array(word, { maxLength: 4 }))
        .map(([head, words]) => `${head} ${words.join(', ')}`),
    },
    { weight: 1, arbitrary: fc.constantFrom('l:', '# x', '-- mem', '-- raw', '-- result', '0x95', '00 11', 'exit') },
    { weight: 1, arbitrary: fc.string() },
  );

  test('give a case that can be run, or errors inside the text', () => {
    fc.assert(
      fc.property(fc.array(line, { maxLength: 20 }), (lines) => {
        const text = ['-- asm', ...lines].join('\n');
        const result = parseDataFile(text, 'name.data');
        if (result.ok) {
          const outcome = runInterpreted(result.case, interpret);
          expect('r0' in outcome || outcome.error !== '').toBe(true);
        } else {
          const all = text.split(/\r\n|\r|\n/);
          for (const error of result.errors) {
            expect(error.line).toBeLessThanOrEqual(all.length);
            expect(error.column).toBeLessThanOrEqual(Math.max(1, all[error.line - 1]!.length));
          }
        }
      }),
      { numRuns: 300 },
    );
  });
});
