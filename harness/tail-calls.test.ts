import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { LINUX_6_18, POLICIES, type Role } from '../jit';
import { type Fault, judge, patch, shift, shown } from './check/testing';
import { interpret, type Region } from './oracle';
import { resultOf } from './run/testing';
import { type LoweredSpec, lowerSpec, parseSpecText } from './spec';

const specs = (file: string): LoweredSpec[] => {
  const text = readFileSync(join(__dirname, '..', 'specs', 'tail-calls', file), 'utf8');
  return parseSpecText(text, file).specs.flatMap((each) => {
    const result = lowerSpec(each, { policies: POLICIES.map(({ name }) => name) });
    return result.ok ? result.value : [];
  });
};
const named = (file: string, name: string): LoweredSpec => specs(file).find((each) => each.name === name)!;

const TWO = `name: test
programs:
  prog:
    type: kprobe
    asm: |
      main:
        r6 = r1
        r2 = map[jmp] ll
        r3 = 2
        call bpf_tail_call
        r1 = r6
        r2 = map[jmp] ll
        r3 = 1
        call bpf_tail_call
        r1 = r6
        r2 = map[jmp] ll
        r3 = 3
        call bpf_tail_call
        exit
  next: { type: kprobe, asm: "main: r0 = 3; exit" }
  other: { type: kprobe, asm: "main: r0 = 4; exit" }
maps: { a: { size: 5000 }, jmp: { prog_array: { 0: next, 1: other }, entries: 700 }, b: { size: 8 } }
`;

describe('an array of programs', () => {
  const [{ run }] = resultOf(TWO, 'kernel-stack').runs as [ReturnType<typeof resultOf>['runs'][number]];
  const { world } = run;

  test('is known to the world', () => {
    const pointer = world.data.find(({ name }) => name === 'jmp')!.pointer;
    const slots = new Map([
      [0, 1],
      [1, 2],
    ]);
    expect(world.programArrays).toEqual([{ pointer, entries: 700, slots }]);
  });

  test('has room for all its pointers', () => {
    const next = world.data.find(({ name }) => name === 'b')!.pointer!;
    expect(next - world.programArrays[0]!.pointer).toBeGreaterThanOrEqual(BigInt(0x138 + 8 * 700));
  });
});

describe('a direct tail call', () => {
  const [{ run }] = resultOf(TWO, 'kernel-stack').runs as [ReturnType<typeof resultOf>['runs'][number]];
  const { programs } = run.world;
  const { code, functions, addresses } = programs[0]!;
  const sites = (role: Role) =>
    functions[0]!
      .rows()
      .flatMap(({ offset, size, role: own }) =>
        own === role ? [{ end: offset + size, bytes: [...code[0]!.subarray(offset, offset + size)] }] : [],
      );
  const NOP5 = [0x0f, 0x1f, 0x44, 0x00, 0x00];
  const rel32 = (bytes: number[]) => new DataView(Uint8Array.from(bytes).buffer).getInt32(1, true);

  test('to a filled slot goes past the frame set-up of the program there', () => {
    const [, bypass] = sites('tail-call-bypass');
    const [, target] = sites('tail-call-target');
    expect(bypass!.bytes).toEqual(NOP5);
    expect(target!.bytes[0]).toBe(0xe9);
    expect(addresses[0]! + BigInt(target!.end + rel32(target!.bytes))).toBe(programs[2]!.addresses[0]! + 12n);
  });

  test.each([0, 2])('to an empty slot leads around everything (%s)', (at) => {
    const bypass = sites('tail-call-bypass')[at]!;
    const target = sites('tail-call-target')[at]!;
    expect(bypass.bytes[0]).toBe(0xe9);
    expect(bypass.end + rel32(bypass.bytes)).toBe(target.end);
    expect(target.bytes).toEqual(NOP5);
  });
});

/** The analysis overlooks that a subprog needs the counter: no code depends on it any more, only trampolines. */
const forgotten: Fault = (built) => {
  const [first, ...others] = built.world.programs;
  const subprogs = first!.analysis.subprogs.map((facts) => ({ ...facts, tailCallReachable: false }));
  const changed = { ...first!, analysis: { ...first!.analysis, subprogs } };
  return { ...built, world: { ...built.world, programs: [changed, ...others] } };
};

const { mapMaxEntries } = LINUX_6_18.offsets;

/** An array says that it has fewer entries. */
const shorter =
  (by: number): Fault =>
  (built) => {
    const { pointer, entries } = built.world.programArrays[0]!;
    const kernelData = built.kernelData.map(({ address, bytes }) => {
      const changed = bytes.slice();
      if (address === pointer) new DataView(changed.buffer).setUint32(mapMaxEntries, entries - by, true);
      return { address, bytes: changed };
    });
    return { ...built, kernelData };
  };

/** A direct tail call lands elsewhere. */
const landing = (from: string, by: number): Fault => shift({ in: from, role: 'tail-call-target' }, 4, by);

/** The jump around a direct tail call is there again. */
const bypassed: Fault = (built) => {
  const { code, image } = built.world.programs[0]!;
  const { offset, size } = image!.functions[0]!.listing().find(({ insn }) => insn.site.role === 'tail-call-bypass')!;
  code[0]!.set(image!.functions[0]!.bytes.subarray(offset, offset + size), offset);
  return built;
};

const LIMIT = { text: /^cmp qword ptr \[rax\], 0x21/ };
const COUNT = { text: /^add qword ptr \[rax\], 0x1/ };
const POINTER = /^mov rax, qword ptr \[rbp-/;

describe('faults, and what finds them', () => {
  type Row = [what: string, file: string, spec: string, fault: Fault, found: string];
  const [ITSELF, INDIRECT, THROUGH] = [
    '33 direct tail calls, and no more',
    '33 indirect tail calls, and no more',
    '33 tail calls through a subprog',
  ];
  const FROM_MAIN = 'a direct tail call from main';
  const FROM_SUB = "a tail call in a subprog returns to the subprog's caller";
  test.each<Row>([
    // A number over 33 in rax is taken for the pointer.
    ['one tail call too many (B5)', 'limit', ITSELF, shift({ in: 'main', ...LIMIT }, 1, 1), 'fault main pc 7'],
    ['one too few', 'limit', INDIRECT, shift({ in: 'main', ...LIMIT }, 1, -1), 'memory'],
    ['no count', 'limit', THROUGH, patch({ in: 'sub', ...COUNT }), 'fault sub'],
    [
      'the depth before it is rounded up (B2)',
      'limit',
      THROUGH,
      shift({ in: 'sub', text: POINTER }, 4, 7),
      'fault sub pc 4',
    ],
    ['the pointer taken for a count', 'limit', THROUGH, patch({ in: 'main', text: /^ja / }), 'memory'],
    ['no pointer for a subprog', 'limit', THROUGH, patch({ in: 'main', text: POINTER }), 'fault sub pc 4'],
    [
      'a trampoline destroys the pointer (B3)',
      'trampolines',
      'a trampoline at a subprog that makes tail calls',
      forgotten,
      'fault sub pc 4',
    ],
    ['landing at the entry', 'direct-and-indirect', FROM_MAIN, landing('main', -12), 'fault main pc 3'],
    ['landing past the stack allocation', 'from-subprogs', FROM_SUB, landing('sub', 7), 'stack-balance main pc 0'],
    ['only the nop patched', 'direct-and-indirect', FROM_MAIN, bypassed, 'retval'],
    [
      'a saved register not popped',
      'direct-and-indirect',
      FROM_MAIN,
      patch({ in: 'main', text: /^pop rbx$/ }),
      'callee-saved main pc 3',
    ],
    [
      'an array that is too short',
      'direct-and-indirect',
      'a chain of tail calls returns to the caller of the first',
      shorter(1),
      'retval',
    ],
  ])('%s', (_, file, spec, fault, found) => {
    const lowered = named(`${file}.yaml`, spec);
    expect(shown(judge(lowered, 'linux-6.18'))).toEqual([]);
    expect(shown(judge(lowered, 'linux-6.18', { fault }))).toContain(found);
  });
});

/** The interpreter knows nothing of frames, landings and counters in memory. */
describe.each(['direct-and-indirect.yaml', 'from-subprogs.yaml', 'limit.yaml'])('the interpreter and %s', (file) => {
  const BASE = 0x10_0000n;
  const HEADER = 0x138n;
  const cases = specs(file).flatMap((spec) =>
    spec.cases.flatMap(({ policy, scenario, expectation }) =>
      policy === 'linux-6.18' && scenario.events.length === 1 ? [{ spec, scenario, expectation }] : [],
    ),
  );
  test.each(cases.map((each) => [`${each.spec.name}, ${each.scenario.name}`, each] as const))('%s', (_, each) => {
    const { programs, maps } = each.spec;
    const regions = maps.map(({ name, init }, i): Region => ({ name, base: BASE * BigInt(i + 2), bytes: init }));
    const tailCall = (array: bigint, index: number) => {
      const map = maps[regions.findIndex(({ base }) => base - HEADER === array)];
      const held = map?.programs?.slots.get(index);
      return programs.find(({ name }) => name === held)?.program;
    };
    const ctx = { name: 'ctx', base: BASE, bytes: each.scenario.context };
    const result = interpret(programs[0]!.program, { regions: [ctx, ...regions], tailCall, maxFrames: 100 });
    expect(result).toMatchObject({ kind: 'exit', r0: each.expectation.retval!.value });
    for (const [name, { value }] of each.expectation.memory ?? []) {
      expect([...result.regions.get(name)!.subarray(0, value.length)]).toEqual([...value]);
    }
  });
});
