import { afterEach, describe, expect, test } from '@jest/globals';
import { Gpr } from '../../jit';
import {
  CPUS,
  entryRsp,
  HELPER_BASE,
  IMAGE_BASE,
  MAP_BASE,
  PERCPU_POINTER_BASE,
  percpuOffset,
  STACK_BYTES,
  STOP,
  stackBase,
  u64,
} from './layout';
import { Action, helperAddress, Machine, type MachineSetup } from './machine';
import { EventKind } from './trace';

let machine: Machine | undefined;
afterEach(() => {
  machine?.close();
  machine = undefined;
});

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));

function open(code: string, changes: Partial<MachineSetup> = {}): Machine {
  const bytes = hex(code);
  machine = new Machine({
    seed: 1,
    code: [{ address: IMAGE_BASE, bytes }],
    traced: [{ lo: IMAGE_BASE, hi: IMAGE_BASE + BigInt(bytes.length) - 1n }],
    helpers: [helperAddress(0), helperAddress(1)],
    data: [],
    contextBytes: 8,
    percpuBytes: 256,
    percpuVariables: (cpu) => [{ address: 0xffffffff83b0c028n, bytes: Uint8Array.of(cpu + 1) }],
    onHelper: () => machine!.returnFromHelper('helper'),
    watched: [],
    onInstruction: () => Action.CONTINUE,
    ...changes,
  });
  return machine;
}

describe('addresses', () => {
  test('per-CPU areas and stacks are apart, pointers need more than 32 bits, no offset is 0', () => {
    expect(PERCPU_POINTER_BASE >> 32n).toBeGreaterThan(0n);
    for (let cpu = 0; cpu < CPUS; cpu++) expect(percpuOffset(cpu)).not.toBe(0n);
    expect(stackBase(1) - stackBase(0)).toBeGreaterThan(BigInt(STACK_BYTES + 0x1000));
    expect(entryRsp(0) % 16n).toBe(8n);
  });

  test('calls reach helpers', () => {
    expect(BigInt.asIntN(32, HELPER_BASE - IMAGE_BASE)).toBe(HELPER_BASE - IMAGE_BASE);
  });
});

describe('a run', () => {
  test('returns to the stop address, with rsp as the caller had it', () => {
    const status = open('c3').run(IMAGE_BASE, 0);
    expect(status).toMatchObject({ kind: 'ok', rip: STOP });
    expect(machine!.regs[Gpr.rsp]).toBe(entryRsp(0) + 8n);
  });

  test.each([0, 1])('reads per-CPU variables of CPU %i through GS', (cpu) => {
    // movzx eax, byte ptr gs:[0xffffffff83b0c028]; ret
    expect(open('65 0f b6 04 25 28 c0 b0 83 c3').run(IMAGE_BASE, cpu).kind).toBe('ok');
    expect(machine!.regs[Gpr.rax]).toBe(BigInt(cpu + 1));
  });

  test('has int3 behind its code, as the kernel has', () => {
    expect(open('90').run(IMAGE_BASE, 0)).toMatchObject({ kind: 'trap', vector: 3 });
  });

  test.each([
    ['below the stack', stackBase(0) - 8n],
    ['above it', stackBase(0) + BigInt(STACK_BYTES)],
    ['of another CPU', stackBase(1) - 8n],
    ['at 0', 0n],
  ])('faults %s', (_, address) => {
    const setup = open('48 8b 07 c3');
    setup.regs[Gpr.rdi] = address;
    expect(setup.run(IMAGE_BASE, 0)).toMatchObject({
      kind: 'fault',
      access: 'read',
      reason: 'unmapped',
      address,
    });
  });

  test('cannot write its code', () => {
    const status = open('48 89 05 f9 ff ff ff c3').run(IMAGE_BASE, 0);
    expect(status).toMatchObject({ kind: 'fault', access: 'write', reason: 'protected' });
  });

  test('leaves a trace: registers before each instruction, accesses behind it', () => {
    // push rbx; pop rcx; ret
    const setup = open('53 59 c3');
    setup.regs[Gpr.rbx] = 0x1234n;
    setup.run(IMAGE_BASE, 0);
    const trace = setup.trace();
    const { INSN, READ, WRITE } = EventKind;
    expect(Array.from({ length: trace.count }, (_, i) => trace.kind(i))).toEqual([INSN, WRITE, INSN, READ, INSN, READ]);
    expect([trace.address(1), trace.size(1), trace.value(1)]).toEqual([entryRsp(0) - 8n, 8, 0x1234n]);
    expect(trace.reg(2, Gpr.rsp)).toBe(entryRsp(0) - 8n);
    expect(trace.reg(4, Gpr.rcx)).toBe(0x1234n);
    setup.close();
    expect(trace.rip(4)).toBe(IMAGE_BASE + 2n);
  });
});

describe('a helper', () => {
  const toHelper = (index: number): string => {
    const rel = Number(helperAddress(index) - (IMAGE_BASE + 5n));
    const bytes = Buffer.alloc(4);
    bytes.writeInt32LE(rel);
    return `e8${bytes.toString('hex')}c3`;
  };

  test('is called by its address, and leaves junk below the stack pointer', () => {
    const called: number[] = [];
    const setup = open(toHelper(1), {
      onHelper: (index) => {
        called.push(index);
        return machine!.returnFromHelper('it');
      },
    });
    const below = setup.memory(entryRsp(0) - 256n, 256);
    const before = below.slice();
    expect(setup.run(IMAGE_BASE, 0).kind).toBe('ok');
    expect(called).toEqual([1]);
    const words = (bytes: Uint8Array) => [...new BigUint64Array(bytes.slice().buffer)];
    words(below).forEach((word, i) => {
      expect(word).not.toBe(words(before)[i]);
    });
  });

  test('between two helpers there is nothing to execute', () => {
    const setup = open(toHelper(1));
    setup.memory(IMAGE_BASE + 1n, 4)[0]! += 2;
    expect(setup.run(IMAGE_BASE, 0)).toMatchObject({ kind: 'trap', vector: 3 });
  });

  test('a stack pointer that points nowhere ends the run', () => {
    const jump = `31 e4 e9 ${Buffer.from(Int32Array.of(Number(helperAddress(0) - (IMAGE_BASE + 7n))).buffer).toString('hex')}`;
    expect(open(jump).run(IMAGE_BASE, 0).kind).toBe('stopped');
  });

  test('an odd stack pointer, and one at the end of the stack, are no reason to stop', () => {
    const setup = open(toHelper(0));
    setup.destroyBelow(entryRsp(0) - 3n, 'odd');
    setup.destroyBelow(stackBase(0), 'end');
    setup.destroyBelow(stackBase(0) + 64n, 'near');
    setup.destroyBelow(8n, 'nowhere');
  });

  test('junk reaches over the edge of a page', () => {
    const setup = open('c3');
    const page = stackBase(0) + 0x2000n;
    const before = setup.memory(page - 256n, 256).slice();
    setup.destroyBelow(page, 'edge');
    expect(setup.memory(page - 256n, 256)).not.toEqual(before);
  });
});

test('segments that share a page, and data that does not', () => {
  const data = [0x138n, 0x13cn, 0x5000n].map((at, i) => ({
    address: MAP_BASE + at,
    bytes: Uint8Array.of(i + 1, 0, 0, 0),
  }));
  const setup = open('c3', { data });
  expect(data.map(({ address }) => setup.memory(address, 4)[0])).toEqual([1, 2, 3]);
  expect(() => setup.memory(MAP_BASE + 0x2000n, 1)).toThrow('nothing is mapped at 0xffff888105002000');
});

test('every area is junk, other on every CPU, and other for every seed', () => {
  const contents = (seed: number) => {
    const setup = open('c3', { seed });
    const areas = [0, 1].flatMap((cpu) => [
      setup.memory(stackBase(cpu), 64).slice(),
      setup.memory(u64(PERCPU_POINTER_BASE + percpuOffset(cpu)), 64).slice(),
    ]);
    setup.close();
    return areas.map((area) => Buffer.from(area).toString('hex'));
  };
  expect(new Set([...contents(1), ...contents(2)]).size).toBe(8);
  expect(contents(1)).toEqual(contents(1));
});
