import { describe, expect, test } from '@jest/globals';
import { entryRsp } from '../machine/layout';
import { EventKind } from '../machine/trace';
import type { Activation } from './activations';
import { kernelFrame } from './frames';
import { runsOf } from './testing';

const spec = (rest = '') => `name: test
policies: [kernel-stack, linux-6.18, subtree]
programs:
  prog:
    type: raw_tracepoint
    asm: |
      main:
        r6 = r1
        call sub
        r1 = r6
        r2 = map[jmp] ll
        r3 = 1
        call bpf_tail_call
        r0 = -1
        exit
      sub:
        r7 = 1
        *(u64 *)(r10 - 24) = 1
        r2 = map[jmp] ll
        r3 = *(u32 *)(r1 + 0)
        call bpf_tail_call
        r0 = -1
        exit
  second:
    type: raw_tracepoint
    asm: |
      main:
        call own
        r0 = 2
        exit
      own:
        *(u64 *)(r10 - 64) = 1
        call bpf_ktime_get_ns
        r0 = *(u64 *)(r10 - 64)
        exit
  third:
    type: raw_tracepoint
    asm: "main: r0 = 3; exit"
  other:
    type: kprobe
    asm: "main: r0 = 4; exit"
maps: { jmp: { prog_array: { 0: second, 1: third } } }
${rest}`;

const POLICIES = ['kernel-stack', 'linux-6.18', 'subtree'];

describe.each(POLICIES)('tail calls under %s', (policy) => {
  const [{ run, all, of }] = runsOf(spec(), policy) as [ReturnType<typeof runsOf>[number]];
  const { world, trace } = run;
  const name = ({ program, subprog }: Activation) =>
    `${world.programs[program]!.name}.${world.programs[program]!.program.subprogs[subprog]!.name}`;
  const [main, sub, second, own, third] = all;

  test('what is called takes the place of what calls', () => {
    expect(all.map((each) => [name(each), each.beginning, each.parent?.index ?? null])).toEqual([
      ['prog.main', 'entry', null],
      ['prog.sub', 'call', 0],
      ['second.main', 'tail-call', 0],
      ['second.own', 'call', 2],
      ['third.main', 'tail-call', null],
    ]);
    expect(all.map(({ successor }) => successor?.index ?? null)).toEqual([4, 2, null, null, null]);
  });

  test('and the frame', () => {
    expect(second!.entryRsp).toBe(sub!.entryRsp);
    expect(kernelFrame(second!)).toBe(kernelFrame(sub!));
    expect([main!.entryRsp, third!.entryRsp]).toEqual([entryRsp(0), entryRsp(0)]);
  });

  test('one ends where the other begins', () => {
    expect(sub!.end).toBe(second!.start);
    expect(main!.end).toBe(third!.start);
    expect(own!.end).toBeLessThanOrEqual(second!.end);
    for (let i = 0; i < trace.count; i++) {
      const place = trace.kind(i) === EventKind.INSN ? world.code.at(trace.rip(i)) : undefined;
      if (place) expect([of[i]!.program, of[i]!.subprog]).toEqual([place.program, place.subprog]);
    }
  });

  test('past the frame set-up', () => {
    for (const each of [second!, third!]) {
      const { functions, addresses } = world.programs[each.program]!;
      expect(trace.rip(each.start)).toBe(addresses[0]! + BigInt(functions[0]!.landing));
    }
  });

  test('r0 is that of the last one', () => {
    expect(run.after[0]).toBe(3n);
  });
});

test('an interrupt right where a tail call lands changes nothing about it', () => {
  const rest = 'scenarios: { s: { do: [{ interrupt: every instruction of third.main, run: other }] } }';
  const [{ run, all }] = runsOf(spec(rest), 'linux-6.18') as [ReturnType<typeof runsOf>[number]];
  const third = run.world.programs.findIndex((each) => each.name === 'third');
  const other = run.world.programs.findIndex((each) => each.name === 'other');
  const began = all.filter(({ program }) => program === third);
  expect(began.map(({ beginning, entryRsp: rsp }) => [beginning, rsp])).toEqual([['tail-call', entryRsp(0)]]);
  // Before the landing, what is interrupted is still the one that calls.
  const interrupts = all.filter(({ program }) => program === other);
  expect(interrupts[0]!.parent).toBe(all[0]);
  expect(interrupts.slice(1).every(({ parent }) => parent === began[0])).toBe(true);
  expect(interrupts.length).toBeGreaterThan(2);
});
