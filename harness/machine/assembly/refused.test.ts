import { describe, expect, test } from '@jest/globals';
import { BASE, errorsOf, hexOf } from './testing/helpers';

describe('what Keystone gets wrong is refused', () => {
  test.each([
    ['push 0xffff', 'push 0xffffffffffffffff` (6a ff)'],
    ['push 0xffffffff', 'data16 push 0xffff` (66 68 ff ff)'],
    ['mov sil, ah', 'mov sil, spl` (40 88 e6)'],
    ['nop dword ptr [rax+rax*1]', 'nop [rax+rax], esp` (0f 18 24 00)'],
    ['salc', 'd6`'],
  ])('%s', async (text, found) => {
    expect(await errorsOf(`nop; ${text}`)).toEqual([
      `1:6 Keystone encodes \`${text}\` as \`${found}; write its bytes with .byte`,
    ]);
  });

  test('a statement that kills Keystone; the others, and later bodies, do not suffer', async () => {
    const died = 'Keystone dies on this statement (its bytes as .byte)';
    expect(await errorsOf('nop\nmov ah, r8b\nfoo\nmov bh, r9b')).toEqual([
      `2:1 ${died}`,
      '3:1 unknown mnemonic `foo`',
      `4:1 ${died}`,
    ]);
    expect(await hexOf('mov al, r8b')).toBe('44 88 c0');
  });

  test('bodies at once, some of which kill it', async () => {
    const bodies = Array.from({ length: 12 }, (_, at) => (at % 3 === 0 ? errorsOf('mov ah, r8b') : hexOf('nop')));
    const results = await Promise.all(bodies);
    expect(results.filter((each) => each === '90')).toHaveLength(8);
  });

  test('many that kill it are not all tried', async () => {
    expect(await errorsOf('mov ah, r8b\n'.repeat(900))).toHaveLength(20);
  });
});

describe('errors have a place', () => {
  test.each([
    ['', ['1:1 the body is empty (at least one instruction)']],
    [' # nothing\nlabel:\n', ['1:1 the body is empty (at least one instruction)']],
    ['\n  movv rax, 1', ['2:3 unknown mnemonic `movv`']],
    ['mov rax, rfoo', ['1:10 `rfoo` is neither a register nor a label of this body']],
    ['jmp nowhere', ['1:5 `nowhere` is neither a register nor a label of this body']],
    ['a: nop\na: nop', ['2:1 label `a` is already defined at line 1']],
    ['rax: nop', ['1:1 `rax` is a register (another name for the label)']],
    ['mov al, 256', ['1:9 256 does not fit 8 bits']],
    ['.byte 1, 256', ['1:10 256 does not fit 8 bits']],
    ['.byte', ['1:6 the statement ends too early (a register, a number or a label)']],
    ['.foo 1', ['1:1 unknown directive `.foo` (.byte, .word, .short, .long, .int, .quad)']],
    ['mov rax', ['1:1 `mov` has no form for these operands']],
    [
      'mov [rax], 1',
      ['1:1 `mov` has no form for these operands (the size of the memory operand, as `qword ptr [rax]`)'],
    ],
    ['mov rax, [rax', ['1:14 the statement ends too early (`]`)']],
    ['mov rax, 010', ['1:10 `010` is no number (a number as 42 or 0x2a)']],
    ['mov rax, 0x10000000000000000', ['1:10 the number has more than 64 bits (at most 0xffffffffffffffff)']],
    ['mov eax, [rax+0xffffffff]', ['1:10 the displacement does not fit 32 bits']],
    ['add rax, [0xffff888012345678]', ['1:10 the address does not fit 32 signed bits']],
    ['lea rax, [rbx*3]', ['1:15 a scale of 3 (1, 2, 4 or 8)']],
    ['lea rax, [rip+rbx]', ['1:10 rip stands alone in an address (`[rip + label]`)']],
    ['x: mov rax, [x]', ['1:14 `x` is no register (a register, or `[rip + label]` for a label)']],
    ['call 0x1000000000', ['1:6 the target is out of reach: 70330089467 bytes away, this branch has 32 bits']],
    [
      `x: .quad ${Array(16).fill(0)}\nloop x`,
      ['2:6 the target is out of reach: -130 bytes away, this branch has 8 bits'],
    ],
    [
      '@; mov ,; 5',
      [
        '1:1 unexpected "@"',
        '1:8 unexpected `,` (a register, a number or a label)',
        '1:11 unexpected `5` (a mnemonic, a directive or a label)',
      ],
    ],
    ['nop\n'.repeat(1001), ['1001:1 the body has 1001 statements (at most 1000)']],
    [' '.repeat(70_000), ['1:1 the body has 70000 characters (at most 65536)']],
  ])('%#', async (text, errors) => {
    expect(await errorsOf(text)).toEqual(errors);
  });

  test('a mov to a label names the two things that can be meant', async () => {
    expect(await errorsOf('x: mov rax, x')).toEqual([
      '1:13 `x` is no register (a register, `offset label` for its address, or `[rip + label]` for what stands there)',
    ]);
  });

  test('addresses that are none, and the end of the address space', async () => {
    expect(await errorsOf('nop', -1n)).toEqual(['1:1 the address has more than 64 bits']);
    expect(await errorsOf('nop', 1n << 64n)).toEqual(['1:1 the address has more than 64 bits']);
    expect(await errorsOf('nop; nop', (1n << 64n) - 1n)).toEqual([
      '1:1 the body does not fit below the end of the address space',
    ]);
    expect(await hexOf('nop', BASE)).toBe('90');
  });
});
