import { describe, expect, test } from '@jest/globals';
import { printProgram } from '../../jit';
import { object, program } from './testing';

describe('a program with subprogs', () => {
  const { program: linked, sources, places, ...rest } = program('chain', 'on_switch');

  test('says by its section what it is', () => {
    expect(rest).toMatchObject({ name: 'on_switch', section: 'tracepoint/sched/sched_switch', type: 'tracepoint' });
  });

  test('comes first, each subprog before what it calls itself', () => {
    expect(linked.subprogs.map(({ name }) => name)).toEqual(['on_switch', 'sum', 'count', 'fill']);
  });

  test('has a global function', () => {
    expect(linked.subprogs.filter(({ isGlobal }) => isGlobal).map(({ name }) => name)).toEqual(['sum']);
  });

  test('has a line of C for each instruction', () => {
    const lines = sources[1]!.map((line) => line?.text);
    expect(lines).toContain('all += count((from + i) & 3);');
    expect(sources.map((each) => each.length)).toEqual(linked.subprogs.map(({ insns }) => insns.length));
    expect(sources.flat().every((line) => line?.file === './chain.bpf.c')).toBe(true);
    expect(sources[0]![0]).toMatchObject({ line: 63, column: 9 });
  });

  test('knows where in the object each instruction is', () => {
    expect(places[0]![1]).toBe('section tracepoint/sched/sched_switch + 0x8');
    expect(places[2]![0]).toBe('section .text + 0xa0');
  });
});

test('two programs of an object have subprogs in the order of their own calls', () => {
  const { program: linked } = program('chain', 'on_sleep');
  expect(linked.subprogs.map(({ name }) => name)).toEqual(['on_sleep', 'fill', 'sum', 'count']);
});

test('maps are those of .maps by their types, and sections of global data', () => {
  const { maps } = object('chain');
  const sizes = maps.map(({ name, kind, keySize, valueSize, maxEntries }) => [
    name,
    kind,
    keySize,
    valueSize,
    maxEntries,
  ]);
  expect(sizes).toEqual([
    ['.rodata', 'array', 4, 4, 1],
    ['.data', 'array', 4, 8, 1],
    ['.bss', 'array', 4, 8, 1],
    ['counts', 'array', 4, 8, 4],
  ]);
  const initial = Object.fromEntries(maps.map((map) => [map.name, map.initial && [...map.initial]]));
  expect(initial).toEqual({
    '.rodata': [3, 0, 0, 0],
    '.data': [40, 0, 0, 0, 0, 0, 0, 0],
    '.bss': [0, 0, 0, 0, 0, 0, 0, 0],
    counts: undefined,
  });
});

describe('what else an object says', () => {
  const { programs, maps } = object('programs');

  test.each([
    ['loops', 'fentry/do_nanosleep', 'tracing', 'fentry'],
    ['throws', 'tc', 'sched_cls', undefined],
    ['second', 'tc', 'sched_cls', undefined],
    ['jumps_on', '?xdp', 'xdp', 'xdp'],
    ['looks_up', 'raw_tp/sys_enter', 'raw_tracepoint', undefined],
  ])('%s', (name, section, type, attachType) => {
    expect(programs.find((each) => each.name === name)).toMatchObject({ section, type });
    expect(programs.find((each) => each.name === name)?.attachType).toBe(attachType);
  });

  test('callbacks are addresses of subprogs', () => {
    expect(printProgram(programs[0]!.program)).toContain('r2 = func[each] ll');
  });

  test('the exception callback is the one of the tag, though nothing refers to it', () => {
    const { program, exceptionCallback } = programs.find(({ name }) => name === 'throws')!;
    expect(program.subprogs.map(({ name }) => name)).toEqual(['throws', 'caught']);
    expect(exceptionCallback).toBe(1);
    expect(program.subprogs[1]!.isGlobal).toBe(true);
  });

  test('kfuncs are called by name, and are there for who asks', () => {
    const { program } = programs.find(({ name }) => name === 'throws')!;
    expect(program.kfuncs).toEqual(['bpf_throw']);
    expect(printProgram(program)).toContain('r1 = 0x1 ll');
  });

  test('maps of structs, of sizes alone, and the words of the configuration', () => {
    expect(maps).toEqual([
      expect.objectContaining({ name: '.data', valueSize: 12 }),
      expect.objectContaining({ name: 'jumps', kind: 'prog_array', keySize: 4, valueSize: 4, maxEntries: 2 }),
      expect.objectContaining({ name: 'table', kind: 'hash', keySize: 8, valueSize: 32, maxEntries: 1024 }),
      expect.objectContaining({ name: '.kconfig', initial: Uint8Array.of(0, 18, 6, 0, 0) }),
    ]);
  });
});
