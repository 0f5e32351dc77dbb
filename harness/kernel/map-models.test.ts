import { describe, expect, test } from '@jest/globals';
import { type CallMap, type HelperCall, le64 } from './helper-call';
import { helperResult } from './helpers';

const ARRAY: CallMap = { pointer: 0x1000n, value: 0x2000n, size: 48, elements: { bytes: 12, stride: 16, count: 3 } };
const EMPTY: CallMap = { pointer: 0x3000n, value: 0x4000n, size: 0, elements: { bytes: 8, stride: 8, count: 0 } };
/** A map of a spec: nobody said how it is looked up. */
const VALUE: CallMap = { pointer: 0x5000n, value: 0x6000n, size: 8 };

const KEY = 0x100n;
const written: [bigint, Uint8Array][] = [];

/** A call with a key in memory; other bytes of it are 7. */
function call(name: string, map: bigint, key: bigint): HelperCall {
  return {
    name,
    nth: 1,
    cpu: 0,
    seed: 1,
    arguments: [map, KEY, 0x200n, 0n, 0n],
    memory: {
      read: (address, bytes) => (address === KEY ? le64(key).subarray(0, bytes) : new Uint8Array(bytes).fill(7)),
      write: (address, bytes) => written.push([address, bytes]) > 0,
    },
    frame: 0n,
    maps: [ARRAY, EMPTY, VALUE],
    pending: new Map(),
  };
}

const error = (number: bigint): bigint => BigInt.asUintN(64, -number);

describe('maps that are looked up', () => {
  test.each([
    ['bpf_map_lookup_elem', ARRAY, 0n, 0x2000n],
    ['bpf_map_lookup_elem', ARRAY, 2n, 0x2020n],
    ['bpf_map_lookup_elem', ARRAY, 3n, 0n],
    ['bpf_map_lookup_percpu_elem', ARRAY, 1n, 0x2010n],
    ['bpf_map_lookup_elem', EMPTY, 0n, 0n],
    ['__htab_map_lookup_elem', EMPTY, 0n, 0n],
    ['array_map_lookup_elem', ARRAY, 2n, 0x2020n],
    ['array_map_update_elem', ARRAY, 3n, error(7n)],
    ['bpf_map_update_elem', ARRAY, 3n, error(7n)],
    ['bpf_map_delete_elem', ARRAY, 0n, error(22n)],
    ['bpf_map_delete_elem', EMPTY, 0n, error(2n)],
    ['bpf_ringbuf_reserve', EMPTY, 0n, 0n],
  ])('%s, row %#', (name, { pointer }, key, result) => {
    expect(helperResult(call(name, pointer, key))).toBe(result);
  });

  test('an update copies the value', () => {
    expect(helperResult(call('bpf_map_update_elem', ARRAY.pointer, 1n))).toBe(0n);
    expect(written).toEqual([[0x2010n, new Uint8Array(12).fill(7)]]);
  });

  test('of any other map the result is junk', () => {
    const results = [VALUE.pointer, 0x7777n].map((map) => helperResult(call('bpf_map_lookup_elem', map, 0n)));
    expect(results).not.toContain(0n);
    expect(results).not.toContain(VALUE.value);
  });
});
