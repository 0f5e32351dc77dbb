import { describe, expect, test } from '@jest/globals';
import { LINUX_6_18, policyNamed } from '../jit';
import { buildWorld, calledHelpers, verifyAll } from './build';
import { asm, lowered, tree } from './check/testing';
import { HELPER_BODY_BASE, IMAGE_BASE, MAP_BASE, PERCPU_POINTER_BASE } from './machine/layout';
import { helperAddress } from './machine/machine';

function built(
  text: string,
  policy = 'linux-6.18',
  bodies = new Map<string, { address: bigint; bytes: Uint8Array }>(),
) {
  const spec = lowered(text)[0]!;
  const chosen = policyNamed(policy)!;
  const verified = verifyAll(spec.programs, chosen, LINUX_6_18, spec);
  const { context } = spec.cases[0]!.scenario;
  return buildWorld(verified, { seed: 1, context, maps: spec.maps }, { policy: chosen, config: LINUX_6_18, bodies });
}

const CALLS = asm(
  `
  main:
    *(u64 *)(r10 - 64) = 1
    call probe
    call bpf_ktime_get_ns
    call sub
    call probe
    r1 = map[b][0]+2 ll
    r2 = map[a] ll
    r0 = 0
    exit
  sub:
    *(u64 *)(r10 - 128) = 1
    call bpf_ktime_get_ns
    r0 = 0
    exit`,
  'helpers: { probe: { returns: 1 } }\nmaps: { a: { size: 4096, init: "01" }, b: { size: 8 } }\ncontext: "0102"',
);

test('helpers and kfuncs in order of their first call', () => {
  expect(calledHelpers(lowered(CALLS)[0]!.programs)).toEqual(['probe', 'bpf_ktime_get_ns']);
});

describe('addresses', () => {
  const { world, contents } = built(CALLS);
  const [program] = world.programs;

  test('functions are at multiples of 16 and do not overlap', () => {
    expect(program!.addresses[0]).toBe(IMAGE_BASE);
    program!.addresses.forEach((address, i) => {
      expect(address % 16n).toBe(0n);
      const next = program!.addresses[i + 1];
      if (next !== undefined) expect(next).toBeGreaterThan(address + BigInt(program!.code[i]!.length) - 1n);
    });
  });

  test('blocks abut', () => {
    expect(program!.analysis.blocks.map(({ size }) => size)).toEqual([80, 144]);
    const [first, second] = program!.blocks;
    expect(first).toBeGreaterThanOrEqual(PERCPU_POINTER_BASE);
    expect(second! - first!).toBe(80n);
  });

  test('helpers have one each', () => {
    expect(world.helpers).toEqual([
      { name: 'probe', address: helperAddress(0) },
      { name: 'bpf_ktime_get_ns', address: helperAddress(1) },
      { name: 'the return to C', stub: 'return', address: helperAddress(2) },
      { name: 'C that calls what it interrupted', stub: 'again', address: helperAddress(3) },
      { name: 'bpf_throw, behind the exception callback', stub: 'behind-throw', address: helperAddress(4) },
    ]);
  });

  test('maps have pages of their own, the value behind struct bpf_array', () => {
    expect(world.data.map(({ name, size }) => [name, size])).toEqual([
      ['ctx', 2],
      ['a', 4096],
      ['b', 8],
    ]);
    const [, a, b] = world.data;
    expect(a!.address).toBe(MAP_BASE + 0x138n);
    expect(b!.address & 0xfffn).toBe(0x138n);
    expect((b!.address & ~0xfffn) - (a!.address + 4096n)).toBeGreaterThanOrEqual(0x1000n - 0x138n);
    expect(contents.get('a')!.length).toBe(4096);
    expect([...contents.get('ctx')!]).toEqual([1, 2]);
  });

  test('are in the linked bytes', () => {
    const code = program!.code[0]!;
    const view = new DataView(code.buffer, code.byteOffset, code.length);
    const [fn] = program!.image!.functions;
    const targets = fn!.listing().flatMap(({ offset, size, insn: { site } }) => {
      if (site.role !== 'call') return [];
      return [program!.addresses[0]! + BigInt(offset + size + view.getInt32(offset + 1, true))];
    });
    expect(targets).toEqual([helperAddress(0), helperAddress(1), program!.addresses[1], helperAddress(0)]);
    const values = fn!.relocations.flatMap(({ symbol, offset }) =>
      symbol.kind === 'map' ? [view.getBigUint64(offset, true)] : [],
    );
    expect(values).toEqual([world.data[2]!.address + 2n, world.data[1]!.address - 0x138n]);
  });
});

test('a body in assembly is where it was assembled for', () => {
  const body = { address: HELPER_BODY_BASE, bytes: Uint8Array.of(0xc3) };
  const { helpers, code } = built(CALLS, 'linux-6.18', new Map([['bpf_ktime_get_ns', body]])).world;
  expect(helpers[1]).toMatchObject({ address: HELPER_BODY_BASE, body: { bytes: body.bytes } });
  expect(code.bodyAt(HELPER_BODY_BASE)).toBe('bpf_ktime_get_ns');
  expect(code.bodyAt(HELPER_BODY_BASE + 1n)).toBeUndefined();
});

test('what the verifier would refuse is refused before anything is compiled', () => {
  const { programs } = lowered(tree('main 512\n  sub 16'))[0]!;
  const refusals = ['kernel-stack', 'linux-6.18'].map(
    (policy) => verifyAll(programs, policyNamed(policy)!, LINUX_6_18)[0]!.analysis.refusal,
  );
  expect(refusals).toEqual([expect.stringContaining('528'), null]);
});

test.each([
  ['kprobe', '', true],
  ['struct_ops', '', false],
  ['struct_ops', 'priv_stack_requested: true, ', true],
])('frames of a %s program that says "%s"', (type, keys, isPrivate) => {
  const { programs } = lowered(`name: x\nprograms: { prog: { type: ${type}, ${keys}tree: main 64 } }\n`)[0]!;
  const [verified] = verifyAll(programs, policyNamed('linux-6.18')!, LINUX_6_18);
  expect(verified!.analysis.blocks).toHaveLength(isPrivate ? 1 : 0);
});

test('the same spec gives the same bytes', () => {
  const [one, other] = [built(CALLS), built(CALLS)].map(({ world }) => world.programs.map(({ code }) => code));
  expect(other).toEqual(one);
});
