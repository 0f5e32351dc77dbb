import { describe, expect, test } from '@jest/globals';
import { GPR_NAMES, Gpr } from '../../jit';
import { junk } from '../machine/junk';
import { PERCPU_POINTER_BASE, percpuOffset, u64 } from '../machine/layout';
import { callArguments, callerState, destroyCallerSaved } from './clobber';
import type { GuestMemory, HelperCall } from './helper-call';
import { HELPER_MODELS, helperResult } from './helpers';
import { GUARD, guardAddresses, onCpu, PercpuAllocator } from './percpu';

const NO_MEMORY: GuestMemory = { read: () => null, write: () => false };
const nowhere = { frame: 0n, maps: [], pending: new Map() };
const call: HelperCall = { name: 'probe', nth: 2, cpu: 1, seed: 7, arguments: [], memory: NO_MEMORY, ...nowhere };
const registers = () => BigUint64Array.from(GPR_NAMES, (_, i) => BigInt(i + 1));

describe('a call destroys', () => {
  const after = registers();
  destroyCallerSaved(after, call, 99n, new Map([['r9', 5n]]));

  test('all that is caller-saved, with junk of its own', () => {
    const junks = ['rcx', 'rdx', 'rsi', 'rdi', 'r8', 'r10', 'r11'].map((name) => after[Gpr[name as keyof typeof Gpr]]!);
    for (const value of junks) expect(value >> 62n).toBe(1n);
    expect(new Set(junks).size).toBe(junks.length);
  });

  test('nothing that is callee-saved', () => {
    for (const name of ['rbx', 'rbp', 'rsp', 'r12', 'r13', 'r14', 'r15'] as const) {
      expect(after[Gpr[name]]).toBe(registers()[Gpr[name]]);
    }
  });

  test('what a spec plans is left behind; rax is the result, unless it is planned', () => {
    expect(after[Gpr.r9]).toBe(5n);
    expect(after[Gpr.rax]).toBe(99n);
    const planned = registers();
    destroyCallerSaved(planned, call, 99n, new Map([['rax', 1n]]));
    expect(planned[Gpr.rax]).toBe(1n);
  });

  test('every call and seed has other junk', () => {
    const values = [call, { ...call, nth: 3 }, { ...call, seed: 8 }, { ...call, name: 'other' }].map((each) => {
      const registers = new BigUint64Array(18);
      destroyCallerSaved(registers, each, 0n, new Map());
      return registers[Gpr.r9];
    });
    expect(new Set(values).size).toBe(4);
  });
});

test('arguments are r1 to r5', () => {
  const before = registers();
  const { rdi, rsi, rdx, rcx, r8 } = Gpr;
  expect(callArguments(before)).toEqual([rdi, rsi, rdx, rcx, r8].map((register) => before[register]));
});

test('a caller’s registers are sentinels, each its own, but for rsp', () => {
  const before = registers();
  callerState(before, 1, '0');
  expect(before[Gpr.rsp]).toBe(registers()[Gpr.rsp]);
  expect(new Set(before).size).toBe(GPR_NAMES.length);
});

describe('helpers', () => {
  test('results that mean something', () => {
    const ktime = [1, 2, 3].map((nth) => HELPER_MODELS.bpf_ktime_get_ns!({ ...call, nth }));
    expect(ktime[1]! - ktime[0]!).toBe(1000n);
    expect(ktime[2]).toBeGreaterThan(ktime[1]!);
    expect(HELPER_MODELS.bpf_get_prandom_u32!(call) >> 32n).toBe(0n);
    expect(HELPER_MODELS.bpf_get_smp_processor_id!(call)).toBe(1n);
  });

  test.each<[string, Uint8Array | null, bigint, number[]]>([
    ['copies', Uint8Array.of(1, 2, 3), 0n, [1, 2, 3]],
    ['zeroes what it cannot read', null, BigInt.asUintN(64, -14n), [0, 0, 0]],
  ])('bpf_probe_read_kernel %s', (_, source, result, written) => {
    const writes: [bigint, number[]][] = [];
    const memory: GuestMemory = {
      read: (address, bytes) => (address === 0x2000n && bytes === 3 ? source : null),
      write: (address, bytes) => writes.push([address, [...bytes]]) > 0,
    };
    const probe = { ...call, name: 'bpf_probe_read_kernel', arguments: [0x1000n, 0x900000003n, 0x2000n], memory };
    expect(helperResult(probe)).toBe(result);
    expect(writes).toEqual([[0x1000n, written]]);
  });

  test('any other returns junk', () => {
    expect(helperResult(call)).toBe(junk(7, 'probe 2 returns'));
    expect(helperResult({ ...call, name: 'constructor' })).toBe(junk(7, 'constructor 2 returns'));
  });
});

describe('per-CPU memory', () => {
  test('blocks abut, each at a multiple of 8', () => {
    const allocator = new PercpuAllocator();
    const pointers = [80, 13, 144].map((bytes) => allocator.allocate(bytes));
    expect(pointers.map((each) => Number(each - pointers[0]!))).toEqual([0, 80, 96]);
    expect(pointers[0]! % 8n).toBe(0n);
    expect(PERCPU_POINTER_BASE + BigInt(allocator.size)).toBeGreaterThanOrEqual(pointers[2]! + 144n);
  });

  test('every CPU has its copy', () => {
    expect(onCpu(0x607958a00040n, 0)).toBe(u64(0x607958a00040n + percpuOffset(0)));
    expect(onCpu(0x607958a00040n, 1) - onCpu(0x607958a00040n, 0)).toBe(percpuOffset(1) - percpuOffset(0));
  });

  test.each<[0 | 8, number[]]>([
    [8, [0, 72]],
    [0, []],
  ])('guards of %i bytes', (guard, offsets) => {
    const start = onCpu(0x607958a00040n, 1);
    const addresses = guardAddresses({ owner: 0, size: 80, guard }, 0x607958a00040n, 1);
    expect(addresses.map((address) => Number(address - start))).toEqual(offsets);
  });

  test('the kernel’s pattern', () => {
    expect(GUARD).toBe(0xeb9f12345678eb9fn);
  });
});
