import { describe, expect, test } from '@jest/globals';
import { POLICIES } from '../../jit';
import { FORMS } from '../../jit/x86/forms';
import { inputOf, programOf } from './programs';
import { replay } from './replay';
import { host, onHost } from './testing';
import { replayText } from './text';

const SEEDS = Array.from({ length: 100 }, (_, seed) => seed);
const options = { policies: POLICIES, bmi2: true };
const programs = SEEDS.map((seed) => programOf(seed, options));

/** What only programs with an arena, a probing load, a tail call or jumps that hardly settle have. */
const ABSENT = /^(rol|cmove|lea |movzx r32, m|cmp m|add m64|jmp r64|lfence|nop[124])/;
/** Shifts by 1, which few programs have. */
const RARE = /^(shl|shr|sar) r\d\d, 1$/;

describe('the programs', () => {
  test('are the same for the same seed, code and inputs', () => {
    for (const program of programs.slice(0, 3)) {
      const again = programOf(program.seed, options);
      expect(Buffer.compare(again.code, program.code)).toBe(0);
      expect(inputOf(again, 1)).toEqual(inputOf(program, 1));
      expect(inputOf(again, 1).regs).not.toEqual(inputOf(again, 2).regs);
    }
  });

  test('are of every policy, with and without each feature', () => {
    expect(new Set(programs.map(({ policy }) => policy))).toEqual(new Set(POLICIES.map(({ name }) => name)));
    for (const feature of ['bmi2', 'returnThunk', 'sls', 'ibt'] as const) {
      expect(new Set(programs.map(({ config }) => config[feature]))).toEqual(new Set([true, false]));
    }
  });

  test('have instructions of all other rows of the encoding table', () => {
    const seen = new Set(programs.flatMap((program) => [...program.forms()]));
    expect(Object.keys(FORMS).filter((name) => seen.has(name) === ABSENT.test(name) && !RARE.test(name))).toEqual([]);
  });

  test('have no BMI2 instruction where the CPU has none', () => {
    const plain = SEEDS.map((seed) => programOf(seed, { ...options, bmi2: false }));
    expect(plain.flatMap((each) => [...each.forms()].filter((name) => /^(shl|shr|sar)x/.test(name)))).toEqual([]);
  });
});

(host.ok ? describe : describe.skip)(onHost('replay'), () => {
  test('a sample leaves the same on the CPU and in the emulator', () => {
    const outcome = replay({ cases: 400, seed: 7_000_000, policies: POLICIES });
    if (!outcome.ok) throw new Error(outcome.reason);
    const { figures } = outcome;
    // With the text of what differs, if anything does.
    expect(replayText(figures, 'privstack replay')).toContain('400 equal on the CPU and in the emulator, 0 different');
    expect(figures.ends).toEqual({ returned: 400 });
    expect(figures.programs).toBe(100);
  });
});
