import { describe, expect, test } from '@jest/globals';
import { asm, judge, patch, shown } from '../check/testing';
import { exchangesOf, mayExchange } from './exchanges';

const rows = (...sizes: number[]) =>
  sizes.map((size, i) => ({ offset: sizes.slice(0, i).reduce((a, b) => a + b, 0), size }));
const code = (hex: string) => Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));

test.each<[string, string, boolean]>([
  ['lock cmpxchg [rbp-8], edi', 'f0 0f b1 7d f8', true],
  ['lock cmpxchg [r9-8], r11d', 'f0 45 0f b1 59 f8', true],
  ['lock cmpxchg [rbp-8], rdi', 'f0 48 0f b1 7d f8', false],
  ['lock xadd [rbp-8], edi', 'f0 0f c1 7d f8', false],
])('%s', (_, hex, is) => {
  const bytes = code(`90 ${hex}`);
  const found = exchangesOf(bytes, 0x1000n, rows(1, bytes.length - 1));
  expect(found).toEqual(is ? [{ at: 0x1001n, next: 0x1001n + BigInt(bytes.length - 1) }] : []);
  if (is) expect(mayExchange(bytes)).toBe(true);
});

describe('a 32-bit compare and exchange, as a CPU does it', () => {
  const program = (memory: number) =>
    asm(
      `main:
  *(u32 *)(r10 - 64) = ${memory}
  r1 = 7
  r0 = 0x1122334400000005 ll
  w0 = atomic_cmpxchg((u32 *)(r10 - 64), w0, w1)
  r0 >>= 32
  exit`,
      'expect: { retval: 0 }',
    );
  const notExtended = patch({ in: 'main', text: /^mov eax, eax$/ });

  test('is extended by what the verifier adds', () => {
    for (const memory of [5, 6]) expect(shown(judge(program(memory), 'linux-6.18'))).toEqual([]);
  });

  test('without that it keeps the upper half when it succeeds, and clears it when it loads', () => {
    const { findings } = judge(program(5), 'linux-6.18', { fault: notExtended });
    expect(findings[0]).toMatchObject({ check: 'retval', got: 'r0 = 287454020 (0x0000000011223344)' });
    expect(shown(judge(program(6), 'linux-6.18', { fault: notExtended }))).toEqual([]);
  });
});
