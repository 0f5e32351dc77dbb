import { describe, expect, test } from '@jest/globals';
import { LinkError, link, type Placement, targetOf } from './link';
import { compiled } from './testing/program';

const { image, placement } = compiled(`
  main:
    *(u64 *)(r10 - 64) = 1
    call bpf_ktime_get_ns
    call sub
    exit
  sub:
    r0 = 0
    exit`);
const [main, sub] = image.functions;
const AT = 0xffffffffc0000000n;

/** The image with the helper somewhere else, or nowhere. */
const withHelper = (address: bigint | undefined) => ({
  ...image,
  functions: image.functions.map((fn) => ({
    ...fn,
    relocations: fn.relocations.map(({ symbol, ...rest }) => {
      if (symbol.kind !== 'helper') return { ...rest, symbol };
      const { kind, name } = symbol;
      return { ...rest, symbol: address === undefined ? { kind, name } : { kind, name, address } };
    }),
  })),
});

const call = main!.relocations.find(({ symbol }) => symbol.kind === 'helper')!;
const next = AT + BigInt(call.offset + 4);
const displacement = (code: readonly Uint8Array[]): number => Buffer.from(code[0]!).readInt32LE(call.offset);

describe('a call', () => {
  test.each([0n, 1n, -1n, 2n ** 31n - 1n, -(2n ** 31n)])('over %d bytes', (distance) => {
    expect(displacement(link(withHelper(next + distance), placement))).toBe(Number(distance));
  });

  test.each([2n ** 31n, -(2n ** 31n) - 1n, 2n ** 40n, -(2n ** 40n)])('over %d bytes is out of reach', (distance) => {
    expect(() => link(withHelper(next + distance), placement)).toThrow(
      new LinkError('`bpf_ktime_get_ns` is out of reach of main'),
    );
  });

  test('of what has no address', () => {
    expect(() => link(withHelper(undefined), placement)).toThrow(
      new LinkError('helper `bpf_ktime_get_ns` has no address'),
    );
  });

  test('of what only the placement knows', () => {
    const asked: string[] = [];
    const resolve: Placement['resolve'] = ({ name }) => {
      asked.push(name);
      return next + 256n;
    };
    expect(displacement(link(withHelper(undefined), { ...placement, resolve }))).toBe(256);
    expect(asked).toEqual(['bpf_ktime_get_ns']);
  });

  test('of a subprog goes to where that is placed', () => {
    const relocation = main!.relocations.find(({ symbol }) => symbol.kind === 'subprog')!;
    expect(targetOf(relocation, placement)).toBe(placement.functions[1]);
    const moved = { ...placement, functions: [AT, AT + 0x40n] };
    const code = Buffer.from(link(image, moved)[0]!);
    expect(relocation.offset + 4 + code.readInt32LE(relocation.offset)).toBe(0x40);
  });

  test('some bytes behind what has the name', () => {
    const relocation = main!.relocations.find(({ symbol }) => symbol.kind === 'subprog')!;
    const symbol = { ...relocation.symbol, addend: -2 };
    expect(targetOf({ ...relocation, symbol }, placement)).toBe(placement.functions[1]! - 2n);
  });

  test('of a subprog that is not placed', () => {
    expect(() => link(image, { ...placement, functions: [AT] })).toThrow(new LinkError('subprog `sub` has no address'));
  });
});

test('absolute addresses do not depend on the place, relative ones go with it', () => {
  const here = link(image, placement)[0]!;
  const there = link(image, { ...placement, functions: placement.functions.map((at) => at + 0x100000n) })[0]!;
  const differs = [...here.keys()].filter((i) => here[i] !== there[i]);
  const relative = main!.relocations.filter(({ kind, symbol }) => kind === 'rel' && symbol.kind !== 'subprog');
  expect(relative.length).toBeGreaterThan(0);
  for (const at of differs) expect(relative.some(({ offset, size }) => at >= offset && at < offset + size)).toBe(true);
  expect(Buffer.from(here).readBigUInt64LE(main!.relocations[0]!.offset)).toBe(0x607900000000n + 8n + 64n);
});

test('linking leaves the image as it was', () => {
  const before = image.functions.map(({ bytes }) => Buffer.from(bytes).toString('hex'));
  link(image, placement);
  expect(image.functions.map(({ bytes }) => Buffer.from(bytes).toString('hex'))).toEqual(before);
  expect(sub!.relocations.map(({ symbol }) => symbol.name)).toEqual(['its_return_thunk']);
});
