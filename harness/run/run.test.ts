import { describe, expect, test } from '@jest/globals';
import { GPR_NAMES, Gpr } from '../../jit';
import { asm } from '../check/testing';
import { GUARD } from '../kernel/percpu';
import { junk } from '../machine/junk';
import { entryRsp } from '../machine/layout';
import { EventKind } from '../machine/trace';
import { evaluate, parseTerm, SubprogNames } from '../spec';
import type { Activation } from './activations';
import { culprit } from './culprit';
import { environmentOf } from './environment';
import { kernelFrame, plannedFrame } from './frames';
import { runsOf } from './testing';

const TREE = `
main:
  *(u64 *)(r10 - 128) = 1
  call a
  call b
  call bpf_ktime_get_ns
  r0 = 0
  exit
a:
  *(u64 *)(r10 - 64) = 1
  call b
  r0 = 0
  exit
b:
  r1 = r10
  call bpf_get_prandom_u32
  r0 = 0
  exit`;

const NAMES = ['main', 'a', 'b'];

describe('activations', () => {
  test.each(['kernel-stack', 'linux-6.18', 'subtree', 'unsaved'])('of a call tree under %s', (policy) => {
    const [{ all, run, of }] = runsOf(asm(TREE), policy) as [ReturnType<typeof runsOf>[number]];
    expect(all.map(({ subprog, parent }) => [NAMES[subprog], parent?.index ?? null])).toEqual([
      ['main', null],
      ['a', 0],
      ['b', 1],
      ['b', 0],
    ]);
    for (const { start, end, parent } of all) {
      expect(start).toBeLessThan(end);
      if (parent) expect([parent.start < start, parent.end >= end]).toEqual([true, true]);
    }
    expect(all[0]!.entryRsp).toBe(entryRsp(0));
    // Every event of a function's code is of an activation of that function, and a helper's of its caller.
    for (let i = 0; i < run.trace.count; i++) {
      const place = run.world.code.at(run.trace.rip(i));
      if (place) expect(of[i]!.subprog).toBe(place.subprog);
      else if (run.trace.hasRegisters(i)) expect(run.trace.kind(i)).toBe(EventKind.HELPER);
    }
  });
});

describe('uses of r10', () => {
  const shownUses = (body: string, rest = '') =>
    runsOf(asm(`main:\n${body}\nr0 = 0\nexit`, rest), 'kernel-stack')[0]!.uses.map(
      ({ place, framePointer, access }) => [
        place.pc,
        Number(BigInt.asIntN(64, framePointer - (entryRsp(0) - 8n))),
        access && `${access.write ? 'w' : 'r'}${access.size} ${access.offset}`,
      ],
    );

  test.each<[string, string, unknown[]]>([
    [
      'stores',
      '*(u8 *)(r10 - 1) = 1\nr1 = 2\n*(u32 *)(r10 - 8) = r1',
      [
        [0, 0, 'w1 -1'],
        [2, 0, 'w4 -8'],
      ],
    ],
    [
      'loads',
      '*(u64 *)(r10 - 8) = 1\nr1 = *(u16 *)(r10 - 6)',
      [
        [0, 0, 'w8 -8'],
        [1, 0, 'r2 -6'],
      ],
    ],
    [
      'copies and sums',
      'r1 = r10\nr2 = -24\nr2 += r10',
      [
        [0, 0, null],
        [2, 0, null],
      ],
    ],
    ['no copy of a half, and no copy of a copy', 'r1 = r10\nr2 = r1\nw3 = w10', [[0, 0, null]]],
    ['no access through a copy', 'r1 = r10\n*(u64 *)(r1 - 8) = 1', [[0, 0, null]]],
  ])('%s', (_, body, want) => {
    expect(shownUses(body)).toEqual(want);
  });

  test('stored, but not what it is added to', () => {
    const body = 'r1 = map[m][0] ll\n*(u64 *)(r1 + 0) = r10\nlock *(u64 *)(r1 + 0) += r10';
    expect(shownUses(body, 'maps: { m: { size: 8 } }')).toEqual([[2, 0, null]]);
  });
});

describe('a scenario', () => {
  const spec = (doing: string, rest = '') => asm(TREE, `scenarios: { s: { do: [${doing}] } }\n${rest}`);

  test('runs its events in order, on the CPU that is judged or on their own', () => {
    const runs = runsOf(spec('{ run: prog, times: 2 }, { run: prog, cpu: 0 }'), 'linux-6.18', 1).map(({ run }) => run);
    expect(runs.map(({ cpu, last }) => [cpu, last])).toEqual([
      [1, false],
      [1, false],
      [0, true],
    ]);
    for (const { status, before, after, cpu } of runs) {
      expect(status.kind).toBe('ok');
      expect(before[Gpr.rsp]).toBe(entryRsp(cpu) + 8n);
      for (const name of ['rbx', 'rbp', 'rsp', 'r12', 'r13', 'r14', 'r15'] as const) {
        expect(after[Gpr[name]]).toBe(before[Gpr[name]]);
      }
    }
  });

  test('the caller’s registers are sentinels of each CPU, and the first argument is the context', () => {
    const [first, second] = runsOf(spec('{ run: prog }, { run: prog, cpu: 1 }'), 'linux-6.18').map(
      ({ run }) => run.before,
    );
    for (const name of ['rbx', 'r12', 'r9'] as const) {
      expect(first![Gpr[name]]).toBe(junk(1, `caller.${name} 0`));
      expect(second![Gpr[name]]).toBe(junk(1, `caller.${name} 1`));
    }
    expect(new Set(first).size).toBe(GPR_NAMES.length);
  });

  test('guards of every block on every CPU', () => {
    const [{ run }] = runsOf(asm(TREE), 'linux-6.18') as [ReturnType<typeof runsOf>[number]];
    expect(run.guards.map(({ block, cpu }) => `${block} ${cpu}`)).toEqual([
      '0 0',
      '0 0',
      '0 1',
      '0 1',
      '1 0',
      '1 0',
      '1 1',
      '1 1',
    ]);
    expect(run.guards.every(({ value }) => value === GUARD)).toBe(true);
  });

  test('clobbers: nth call, CPU, result, and the last rule wins', () => {
    const rest = `clobbers:
  bpf_get_prandom_u32:
    - { call: 1.., r9: 1, r8: 11 }
    - { call: 2, r9: 2, returns: 22 }
    - { cpu: 1, r9: 3 }`;
    const r9 = (cpu: number) => {
      const [{ run }] = runsOf(asm(TREE, rest), 'linux-6.18', cpu) as [ReturnType<typeof runsOf>[number]];
      const { trace } = run;
      const after: bigint[][] = [];
      for (let i = 0; i + 1 < trace.count; i++) {
        if (trace.kind(i) !== EventKind.HELPER || run.world.helpers[trace.helper(i)]!.name !== 'bpf_get_prandom_u32')
          continue;
        after.push([Gpr.r9, Gpr.r8].map((register) => trace.reg(i + 1, register)));
        if (after.length === 2) expect(trace.reg(i + 1, Gpr.rax)).toBe(22n);
      }
      return after;
    };
    expect(r9(0)).toEqual([
      [1n, 11n],
      [2n, 11n],
    ]);
    expect(r9(1)).toEqual([
      [3n, 11n],
      [3n, 11n],
    ]);
  });
});

describe('terms', () => {
  const names = new SubprogNames([['prog', NAMES]]);
  const [{ run, all }] = runsOf(asm(TREE), 'kernel-stack', 1) as [ReturnType<typeof runsOf>[number]];
  const value = (text: string, activation: Activation) => {
    const parsed = parseTerm(text, names);
    if (!parsed.ok) throw new Error(text);
    return evaluate(parsed.term, environmentOf(run, all, activation));
  };

  test('are those of the activation that asks', () => {
    const [main, a, first, second] = all;
    for (const each of [first!, second!]) expect(value('kernel_stack(b)', each)).toBe(kernelFrame(each));
    expect(kernelFrame(first!)).not.toBe(kernelFrame(second!));
    expect(value('kernel_stack(b)', a!)).toBeUndefined();
    expect(value('fp(main)', second!)).toBe(plannedFrame(run.world, main!));
    expect(value('fp(a) + depth(a) - 64', second!)).toBe(kernelFrame(a!));
    expect(value('caller.rbx', main!)).toBe(run.before[Gpr.rbx]);
    expect(value('junk(x)', main!)).toBe(junk(1, 'x'));
    expect(value('block(main)', main!)).toBeUndefined();
    expect(value('private_stack_ptr', main!)).toBeUndefined();
  });
});

describe('who wrote a register last', () => {
  const [{ run }] = runsOf(asm(TREE), 'unsaved') as [ReturnType<typeof runsOf>[number]];
  const at = (register: keyof typeof Gpr, event = Number.POSITIVE_INFINITY) =>
    culprit(run, Gpr[register], register, event);

  test.each<[keyof typeof Gpr, RegExp]>([
    ['r9', /^`call bpf_ktime_get_ns` at main pc 3 \+0x\w+ left 0x\w{16} in r9$/],
    ['rax', /^`xor eax, eax` at main pc 4 \+0x\w+ left 0x0{16} in rax$/],
    ['r12', /^nobody: r12 is 0x\w{16} since the entry$/],
  ])('%s', (register, want) => {
    expect(at(register)).toMatch(want);
  });

  test('before the first instruction nobody did', () => {
    expect(at('r9', 0)).toMatch(/^nobody/);
  });
});
