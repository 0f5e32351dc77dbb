import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { slotsOf } from './tree-body';
import { type Frame, generate, run } from './tree-run.fixture';

const TREE = `\
main 120
  first 64 global
    bpf_ktime_get_ns
  second 13
    first
    bpf_throw
  bpf_ktime_get_ns
`;

test('a frame is cut into aligned slots that cover it exactly', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 512 }), (depth) => {
      const covered = new Array(512).fill(0);
      for (const { offset, bytes } of slotsOf(depth)) {
        expect(offset % bytes).toBe(0);
        for (let byte = 0; byte < bytes; byte++) covered[offset - byte - 1]++;
      }
      expect(covered).toEqual(covered.map((_, at) => (at < depth ? 1 : 0)));
    }),
  );
});

test('a body tags its frame, calls, checks and returns 0', () => {
  expect(generate('main 12\n  sub 0\n').text).toBe(`\
main:
  *(u64 *)(r10 - 8) = 0x50000008
  *(u32 *)(r10 - 12) = 0x5000000c
  call sub
  if r0 != 0 goto main.failed
  r1 = *(u64 *)(r10 - 8)
  if r1 != 0x50000008 goto main.lost8
  r1 = *(u32 *)(r10 - 12)
  if r1 != 0x5000000c goto main.lost12
  r0 = 0
  exit
main.failed:
  exit
main.lost8:
  r0 = 0x10008
  exit
main.lost12:
  r0 = 0x1000c
  exit
sub:
  r0 = 0
  exit
`);
});

test('undisturbed, all calls are made in order and 0 is returned', () => {
  const { program } = generate(TREE);
  expect(run(program)).toEqual({
    r0: 0n,
    calls: ['first', 'bpf_ktime_get_ns', 'second', 'first', 'bpf_ktime_get_ns', 'bpf_ktime_get_ns'],
    maps: expect.anything(),
  });
  expect(program.kfuncs).toContain('bpf_throw');
  expect(program.subprogs.map((each) => each.isGlobal === true)).toEqual([false, true, false]);
});

test('every byte of a frame is checked after every call, and the code tells the subprog and the slot', () => {
  const { program } = generate(TREE);
  const depths = [120, 64, 13];
  const calls = run(program).calls.length;
  fc.assert(
    fc.property(fc.nat({ max: calls - 1 }), fc.nat(), fc.integer({ min: 1, max: 255 }), (nth, where, flip) => {
      let seen = 0;
      let want: bigint | undefined;
      const afterCall = (frames: readonly Frame[]) => {
        if (seen++ !== nth) return;
        const { subprog, bytes } = frames[frames.length - 1]!;
        const depth = depths[subprog]!;
        const below = (where % depth) + 1;
        bytes[512 - below]! ^= flip;
        const slot = slotsOf(depth).find((each) => below <= each.offset && below > each.offset - each.bytes)!;
        want = BigInt(((subprog + 1) << 16) | slot.offset);
      };
      const { r0 } = run(program, { afterCall });
      expect(r0).toBe(want);
    }),
  );
});

test('a frame of an outer activation is checked when control comes back to it', () => {
  const { program } = generate(TREE);
  let calls = 0;
  const { r0 } = run(program, {
    afterCall: (frames) => {
      if (calls++ === 0) frames[0]!.bytes[512 - 120]! ^= 1;
    },
  });
  expect(r0).toBe(BigInt((1 << 16) | 120));
});

test('tags differ between slots, subprogs and programs', () => {
  const tree = 'main 512\n  a 512\n    b 512\n';
  const stores = [0, 1, 2].flatMap((each) =>
    [...generate(tree, each).text.matchAll(/\) = (\w+)/g)].map(([, tag]) => tag),
  );
  expect(stores).toHaveLength(3 * 3 * 64);
  expect(new Set(stores).size).toBe(stores.length);
});

test('every line of the assembly names the line of the tree it was made for', () => {
  const { text, lines } = generate(TREE);
  const made = text.split('\n');
  const lineOf = (part: string): number => lines[made.findIndex((each) => each.includes(part))]!.line;
  expect(['main:', 'first:', 'call bpf_throw', 'second.failed:'].map(lineOf)).toEqual([1, 2, 6, 4]);
  expect(lines).toHaveLength(made.length - 1);
});

describe('bpf_throw', () => {
  const { program, throws, maps } = generate('main 8\n  sub 8\n    bpf_throw\n    bpf_throw\n  sub\n  bpf_throw\n');
  const arm = (subprog: number, countdown: bigint) => ({
    maps: (map: (name: string) => DataView) => {
      const { map: name, offset } = throws.find((each) => each.subprog === subprog)!;
      map(name).setBigUint64(offset, countdown, true);
      map(name).setBigUint64(offset + 8, 0xc0041en, true);
    },
  });

  test('has one record for each subprog', () => {
    expect(maps).toEqual([{ name: 'prog.throws', size: 32 }]);
    expect(throws).toEqual([
      { subprog: 0, map: 'prog.throws', offset: 0 },
      { subprog: 1, map: 'prog.throws', offset: 16 },
    ]);
  });

  test.each<[subprog: number, countdown: bigint, calls: string[], thrown: bigint | undefined]>([
    [0, 0n, ['sub', 'sub'], undefined],
    [0, 1n, ['sub', 'sub', 'bpf_throw'], 0xc0041en],
    [0, 2n, ['sub', 'sub'], undefined],
    [1, 1n, ['sub', 'bpf_throw'], 0xc0041en],
    [1, 2n, ['sub', 'bpf_throw'], 0xc0041en],
    [1, 3n, ['sub', 'sub', 'bpf_throw'], 0xc0041en],
    [1, 5n, ['sub', 'sub'], undefined],
  ])('of subprog %i, %i to go', (subprog, countdown, calls, thrown) => {
    const ran = run(program, arm(subprog, countdown));
    expect([ran.calls, ran.thrown]).toEqual([calls, thrown]);
    expect(ran.r0).toBe(0n);
  });

  test('names no registers but r0 to r5', () => {
    const registers = program.subprogs.flatMap(({ insns }) => insns.flatMap(({ dst, src }) => [dst, src]));
    expect(registers.filter((each) => each > 5 && each !== 10)).toEqual([]);
  });
});

describe('callbacks', () => {
  const LOOP = 'main 8\n  bpf_loop 3\n    cb 16\n      bpf_ktime_get_ns\n  cb\n';
  /** Changes the frame of a subprog at the nth call in which it is the innermost that calls. */
  const spoil = (subprog: number, nth: number) => {
    let seen = 0;
    return (frames: readonly Frame[]): void => {
      const last = frames[frames.length - 1]!;
      if (last.subprog === subprog && seen++ === nth) last.bytes[512 - 8]! ^= 1;
    };
  };

  test('of a loop run as often as the tree says', () => {
    const { program, maps } = generate(LOOP);
    const { r0, calls } = run(program);
    expect(r0).toBe(0n);
    expect(calls.filter((each) => each === 'bpf_ktime_get_ns')).toHaveLength(4);
    expect(maps).toEqual([{ name: 'prog.lost', size: 8 }]);
  });

  // In the last round, too, where the helper returns the same number; and when it is called directly.
  test.each([0, 1, 2, 3])('that lose something in round %i end the program with their code', (round) => {
    const { program } = generate(LOOP);
    const { r0, calls } = run(program, { afterCall: spoil(1, round) });
    expect(r0).toBe((2n << 16n) | 8n);
    expect(calls.filter((each) => each === 'bpf_ktime_get_ns')).toHaveLength(round + 1);
  });

  test('pass on what a subprog below them has lost', () => {
    const { program } = generate('main 0\n  bpf_for_each_map_elem\n    cb 0\n      sub 8\n        bpf_ktime_get_ns\n');
    expect(run(program, { afterCall: spoil(2, 0) }).r0).toBe((3n << 16n) | 8n);
    expect(run(program).r0).toBe(0n);
  });

  test('a helper that goes too few rounds is noticed', () => {
    const { program } = generate(LOOP);
    expect(run(program, { missingRounds: 1n }).r0).toBe(0x1ffffn);
  });

  test('that run later return 0 in any case; main returns what they have lost', () => {
    const { program, maps } = generate('main 8\n  bpf_timer_set_callback\n    cb 8\n      bpf_ktime_get_ns\n');
    expect(maps).toEqual([
      { name: 'prog.timer', size: 16 },
      { name: 'prog.lost', size: 8 },
    ]);
    expect(run(program).r0).toBe(0n);
    const fired = run(program, { entry: 1, afterCall: spoil(1, 0) });
    expect(fired.r0).toBe(0n);
    const code = fired.maps.get('prog.lost')!.getBigUint64(0, true);
    expect(code).toBe((2n << 16n) | 8n);
    expect(run(program, { maps: (map) => map('prog.lost').setBigUint64(0, code, true) }).r0).toBe(code);
  });

  test('of exceptions return the cookie, unless their frame is lost', () => {
    const { program } = generate('main 0\ncatch 8 exception_callback\n  bpf_ktime_get_ns\nlater 0 async\n');
    expect(program.subprogs.map(({ name, isGlobal }) => [name, isGlobal === true])).toEqual([
      ['main', false],
      ['catch', true],
      ['later', false],
    ]);
    expect(run(program, { entry: 1, argument: 77n }).r0).toBe(77n);
    expect(run(program, { entry: 1, argument: 77n, afterCall: spoil(1, 0) }).r0).toBe((2n << 16n) | 8n);
  });
});
