import { describe, expect, test } from '@jest/globals';
import { assemble } from './index';
import { BASE, hexOf } from './testing/helpers';

describe('statements and their bytes', () => {
  test.each([
    ['xor r9d, r9d', '45 31 c9'],
    ['mov rax, 16', '48 c7 c0 10 00 00 00'],
    ['mov ax, -2', '66 b8 fe ff'],
    ['mov rax, 0xffffffff81000000', '48 c7 c0 00 00 00 81'],
    ['movabs r9, 0x1122334455667788', '49 b9 88 77 66 55 44 33 22 11'],
    ['MOV RAX, QWORD PTR [RBX + RCX*8 - 0X10]', '48 8b 44 cb f0'],
    ['mov rax, [rbx+rsp]', '48 8b 04 1c'],
    ['mov byte [r8], 0xff', '41 c6 00 ff'],
    ['sal eax, 3', 'c1 e0 03'],
    ['imul eax, 5', '6b c0 05'],
    ['test eax, [rbx]', '85 03'],
    ['setz r8b', '41 0f 94 c0'],
    ['cmovnz rax, rcx', '48 0f 45 c1'],
    ['lock cmpxchg [rdi], rsi', 'f0 48 0f b1 37'],
    ['rep stosq', 'f3 48 ab'],
    ['repne scasb', 'f2 ae'],
    ['rep movsd', 'f3 a5'],
    ['movsd xmm0, qword ptr [rax]', 'f2 0f 10 00'],
    ['pushf; popf', '9c|9d'],
    ['push -1', '6a ff'],
    ['fld st(1); fadd st, st(1)', 'd9 c1|d8 c1'],
    ['endbr64', 'f3 0f 1e fa'],
  ])('%s', async (text, bytes) => {
    expect(await hexOf(text)).toBe(bytes);
  });
});

describe('bodies that misbehave can be written', () => {
  test.each([
    ['jmp rax', 'ff e0'],
    ['xor ecx, ecx; div ecx', '31 c9|f7 f1'],
    ['.byte 0x06; ud2; hlt; int3', '06|0f 0b|f4|cc'],
    ['mov rax, 0xffffc90000000000; jmp rax', '48 b8 00 00 00 00 00 c9 ff ff|ff e0'],
    ['self: jmp self', 'eb fe'],
    ['jmp $', 'eb fe'],
    ['std; cli; pop rbp; leave; ret 8', 'fd|fa|5d|c9|c2 08 00'],
  ])('%s', async (text, bytes) => {
    expect(await hexOf(text)).toBe(bytes);
  });
});

describe('addresses without a register are what they say, not RIP-relative', () => {
  test.each([
    ['mov rax, gs:[0x28]', '65 48 8b 04 25 28 00 00 00'],
    ['mov rax, qword ptr gs:40', '65 48 8b 04 25 28 00 00 00'],
    ['add r9, gs:[0x1f000]', '65 4c 03 0c 25 00 f0 01 00'],
    ['cmp dword ptr fs:[0x10], 16', '64 83 3c 25 10 00 00 00 10'],
    ['mov eax, [0xffffffff81000000]', '8b 04 25 00 00 00 81'],
    ['mov rax, [0xffff888012345678]', '48 a1 78 56 34 12 80 88 ff ff'],
    ['mov rax, [rip + 16]', '48 8b 05 10 00 00 00'],
  ])('%s', async (text, bytes) => {
    expect(await hexOf(text)).toBe(bytes);
  });
});

describe('labels', () => {
  test('branches, both ways, and the conditions that have two names', async () => {
    expect(await hexOf('top: dec ecx\n jnz top\n jz end\n call top\nend: ret')).toBe(
      'ff c9|75 fc|74 05|e8 f5 ff ff ff|c3',
    );
  });

  test('data, addresses of it, and what stands there', async () => {
    const text = 'lea rbx, [rip + data + 8]; mov rax, offset data; jmp qword ptr [rip + data]; data: .quad data, -1';
    expect(await hexOf(text)).toBe(
      [
        '48 8d 1d 18 00 00 00',
        '48 b8 17 00 00 a0 ff ff ff ff',
        'ff 25 00 00 00 00',
        '17 00 00 a0 ff ff ff ff ff ff ff ff ff ff ff ff',
      ].join('|'),
    );
  });

  test('a branch grows when its target is far, and with it the one around it', async () => {
    const quads = (count: number) => `.quad ${Array(count).fill(0).join(',')}`;
    const sizes = async (text: string) => {
      const result = await assemble(text, BASE);
      return result.ok && result.rows.map((row) => row.size);
    };
    expect(await sizes(`jmp a; ${quads(15)}; a: ret`)).toEqual([2, 120, 1]);
    expect(await sizes(`jmp a; ${quads(16)}; a: ret`)).toEqual([5, 128, 1]);
    expect(await sizes(`jz a; jnz b; ${quads(15)}; .word 0, 0; a: ${quads(2)}; b: ret`)).toEqual([6, 6, 120, 4, 16, 1]);
  });

  test('calls and jumps to addresses outside', async () => {
    expect(await hexOf('call 0xffffffffa0001000; jmp 0xffffffff9fffffff')).toBe('e8 fb 0f 00 00|eb f8');
  });
});

test('rows say where each statement stands in source and image', async () => {
  const result = await assemble('# first\n  nop ; ret // done\nend:\n\tmov eax, 1 # one\r\n', BASE);
  expect(result).toEqual({
    ok: true,
    bytes: Uint8Array.from([0x90, 0xc3, 0xb8, 1, 0, 0, 0]),
    rows: [
      { offset: 0, size: 1, line: 2, column: 3, text: 'nop' },
      { offset: 1, size: 1, line: 2, column: 9, text: 'ret' },
      { offset: 2, size: 5, line: 4, column: 2, text: 'mov eax, 1' },
    ],
  });
});

test('a thousand statements', async () => {
  const text = 'mov rax, qword ptr [rax + 8]\n'.repeat(1000);
  const result = await assemble(text, BASE);
  expect(result.ok && result.bytes.length).toBe(4000);
});
