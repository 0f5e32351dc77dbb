import { describe, expect, test } from '@jest/globals';
import { POLICIES } from '../../jit';
import { REG } from '../native';
import { differences } from './compare';
import { AREAS, AT, ENTRY_RSP, MAP_VALUES } from './placement';
import { inputOf, programOf } from './programs';
import type { ReplayFigures } from './replay';
import { emptyMemory, type ReplayResult } from './run';
import { replayText } from './text';

const result = (): ReplayResult => ({
  end: 'returned',
  because: 'returned',
  address: null,
  regs: new BigUint64Array(16),
  memory: emptyMemory(),
});

describe('differences', () => {
  test('there are none between results that are the same', () => {
    expect(differences(result(), result())).toEqual([]);
  });

  test('each register is compared', () => {
    for (const [name, at] of Object.entries(REG).slice(0, 16)) {
      const other = result();
      other.regs[at] = 1n << 63n;
      const [host, unicorn] = ['0x0000000000000000', '0x8000000000000000'];
      const visible = /^(r[ab]x|r[sb]p|r1[2-5])$/.test(name);
      expect(differences(result(), other)).toEqual([{ what: name, host, unicorn, visible }]);
    }
  });

  test.each([
    ['context + 0x1f8', AT.data, 0x1ff],
    ['map + 0x3f8', AT.data, Number(MAP_VALUES.address - AREAS[AT.data].address) + 0x3f8],
    ['data 0x0000400000000200', AT.data, 0x200],
    ['stack at rsp - 0x8', AT.stack, Number(ENTRY_RSP - AREAS[AT.stack].address) - 1],
    ['per-CPU memory 0x00007079d8a00ff8', AT.percpu, 0xfff],
    ['stack at rsp - 0x0', AT.stack, Number(ENTRY_RSP - AREAS[AT.stack].address)],
  ])('a byte of memory, with its place: %s', (what, area, at) => {
    const other = result();
    other.memory[area]![at] = 1;
    const visible = what !== 'stack at rsp - 0x8';
    expect(differences(result(), other).map((each) => [each.what, each.visible])).toEqual([[what, visible]]);
  });

  test('how it ended', () => {
    const found = differences(result(), { ...result(), end: 'fault', because: 'vector 14' });
    expect(found).toEqual([{ what: 'end', host: 'returned (returned)', unicorn: 'fault (vector 14)', visible: true }]);
  });
});

test('a run that differs is shown whole, with the command that runs it again', () => {
  const program = programOf(11, { policies: POLICIES, bmi2: true });
  const given = inputOf(program, 2);
  const found = { what: 'rax', host: '0x0', unicorn: '0x1', visible: true };
  const figures: ReplayFigures = {
    ...{ cases: 4, programs: 1, functions: 1, privateFrames: 0, bmi2Programs: 0, milliseconds: 100 },
    ends: { returned: 4 },
    known: 1,
    different: [{ program, input: 2, given, differences: [found] }],
  };
  const text = replayText(figures, './scripts/privstack replay');
  expect(text).toContain('✗ program 11, input 2: the CPU and the emulator differ\n');
  expect(text).toContain(`  policy ${program.policy}, ${program.type}, bmi2 `);
  expect(text).toContain('  exit\n');
  expect(text).toContain('    rax: CPU 0x0, emulator 0x1\n');
  expect(text).toContain('rdi 0x0000400000000000');
  expect(text).toContain('  replay   ./scripts/privstack replay --seed 11 --cases 4\n');
  expect(text).toContain('\n1 equal but for the 32-bit compare and exchange of the emulator, see docs/emulator.md\n');
  expect(text).toContain('\n2 equal on the CPU and in the emulator, 1 different; 0.1 s\n');
});
