import { describe, expect, test } from '@jest/globals';
import { parseAsm } from '../../jit';
import { reachable } from './reachable';

describe('what a function may come to', () => {
  test.each([
    ['r1 = 0; if r1 == 0 goto end; r0 = 7; end: exit', [0, 1, 3]],
    ['w1 = 1; if w1 != 0 goto end; r0 = 7; end: exit', [0, 1, 3]],
    ['r1 = 5; r2 = r1; if r2 > 4 goto end; r0 = 7; end: exit', [0, 1, 2, 4]],
    ['r1 = 0x100000000 ll; if w1 == 0 goto end; r0 = 7; end: exit', [0, 1, 3]],
    ['r1 = 0x100000000 ll; if r1 == 0 goto end; r0 = 7; end: exit', [0, 1, 2, 3]],
    ['r1 = -1; if r1 > 5 goto end; r0 = 7; end: exit', [0, 1, 3]],
    ['goto end; r0 = 7; end: exit', [0, 2]],
    ['exit; r0 = 7; exit', [0]],
    // Not known any more.
    ['r1 = 0; r1 += 1; if r1 == 0 goto end; r0 = 7; end: exit', [0, 1, 2, 3, 4]],
    ['r1 = 0; call bpf_ktime_get_ns; if r1 == 0 goto end; r0 = 7; end: exit', [0, 1, 2, 3, 4]],
    ['r6 = 0; call bpf_ktime_get_ns; if r6 == 0 goto end; r0 = 7; end: exit', [0, 1, 2, 4]],
    ['r1 = 0; r1 = *(u64 *)(r10 - 8); if r1 == 0 goto end; r0 = 7; end: exit', [0, 1, 2, 3, 4]],
    ['r1 = 0; again: r1 = 1; if r2 == 0 goto again; if r1 == 1 goto end; r0 = 7; end: exit', [0, 1, 2, 3, 5]],
    ['r1 = 0; again: if r1 == 1 goto end; r1 = 1; goto again; end: exit', [0, 1, 2, 3, 4]],
  ])('%s', (text, expected) => {
    const parsed = parseAsm(text.replaceAll('; ', '\n'), { name: 'prog' });
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
    expect([...reachable(parsed.program.subprogs[0]!.insns)].sort((a, b) => a - b)).toEqual(expected);
  });
});
