import { describe, expect, test } from '@jest/globals';
import { LINUX_6_18, policyNamed } from '../../jit';
import { answerJit } from '../jit-requests';
import { verify, wholeProgram } from '../request-program';
import { generate, LIVE_TYPES } from './generate';

const SEEDS = Array.from({ length: 300 }, (_, seed) => seed);
const programs = SEEDS.map((seed) => generate(seed));
const policy = policyNamed('linux-6.18')!;
const requestOf = ({ type, insns }: (typeof programs)[number]) => ({ prog_type: type, insns });

describe('random programs', () => {
  test('are the same for the same seed, and others for another', () => {
    expect(SEEDS.map((seed) => generate(seed))).toEqual(programs);
    expect(new Set(programs.map(({ insns }) => insns.join(''))).size).toBe(programs.length);
  });

  test('compile', () => {
    for (const program of programs) expect(answerJit(requestOf(program), policy).funcs).not.toHaveLength(0);
  });

  test('have frames as deep as they were to be, and fit the stack', () => {
    for (const program of programs) {
      const { analysis } = verify(wholeProgram(requestOf(program)), policy, LINUX_6_18, true);
      expect(analysis.subprogs).toHaveLength(program.depths.length);
      expect(analysis.depths.own).toEqual(program.depths.map((depth) => Math.ceil(depth / 8) * 8));
      expect(analysis.refusal).toBeNull();
    }
  });

  test('are of every type, have private frames and others, one function and more', () => {
    expect(new Set(programs.map(({ type }) => type))).toEqual(new Set(LIVE_TYPES));
    const depths = programs.flatMap((program) => program.depths);
    for (const depth of [0, 8, 40, 48, 49, 56, 64, 120, 512]) expect(depths).toContain(depth);
    expect(new Set(programs.map((program) => program.depths.length))).toEqual(new Set([1, 2, 3, 4, 5, 6]));
  });

  test.each([
    ['64-bit arithmetic', [0x07, 0x0f, 0x17, 0x1f, 0x27, 0x2f, 0x47, 0x4f, 0x57, 0x5f, 0x67, 0x6f, 0x77, 0x7f]],
    ['64-bit arithmetic', [0x87, 0xa7, 0xaf, 0xb7, 0xbf, 0xc7, 0xcf]],
    ['32-bit arithmetic', [0x04, 0x0c, 0x14, 0x1c, 0x24, 0x2c, 0x44, 0x4c, 0x54, 0x5c, 0x64, 0x6c, 0x74, 0x7c]],
    ['32-bit arithmetic', [0x84, 0xa4, 0xac, 0xb4, 0xbc, 0xc4, 0xcc]],
    ['division', [0x34, 0x37, 0x3c, 0x3f, 0x94, 0x97, 0x9c, 0x9f]],
    ['byte swaps', [0xd4, 0xdc, 0xd7]],
    ['64-bit jumps', [0x15, 0x25, 0x35, 0x45, 0x55, 0x65, 0x75, 0xa5, 0xb5, 0xc5, 0xd5, 0x1d, 0x2d, 0x4d]],
    ['32-bit jumps', [0x16, 0x26, 0x36, 0x46, 0x56, 0x66, 0x76, 0xa6, 0xb6, 0xc6, 0xd6, 0x1e, 0x2e, 0x4e]],
    ['memory', [0x61, 0x69, 0x71, 0x79, 0x81, 0x89, 0x91, 0x62, 0x6a, 0x72, 0x7a, 0x63, 0x6b, 0x73, 0x7b, 0xc3, 0xdb]],
    ['the rest', [0x05, 0x06, 0x18, 0x85, 0x95]],
  ])('have %s', (_name, codes) => {
    const seen = new Set(programs.flatMap(({ insns }) => insns.map((hex) => Number.parseInt(hex.slice(0, 2), 16))));
    expect(codes.filter((code) => !seen.has(code))).toEqual([]);
  });
});
