import { describe, expect, test } from '@jest/globals';
import {
  bpf,
  decodeInsns,
  decodeProgram,
  encodeInsns,
  encodeProgram,
  type Insn,
  type Program,
  parseHex,
  toHex,
} from './index';

const bytesOf = (...slots: string[]): Uint8Array => {
  const result = parseHex(slots.join(''));
  if (!result.ok) throw new Error(result.error.message);
  return result.bytes;
};

describe('an instruction', () => {
  test.each<[Insn, string]>([
    [bpf.mov64('r1', -2), 'b7010000feffffff'],
    [bpf.ldx32('r3', 'r10', -8), '61a3f8ff00000000'],
    [bpf.stx8('r10', 0x1234, 'r9'), '739a341200000000'],
    [bpf.ldImm64('r9', 0x1122334455667788n), '18090000887766550000000044332211'],
    [bpf.ldImm64('r1', -1), '18010000ffffffff00000000ffffffff'],
    [bpf.mov64('ax', 'r10'), 'bfab000000000000'],
  ])('%j', (insn, hex) => {
    expect(toHex(encodeInsns([insn]))).toBe(hex);
    expect(decodeInsns(bytesOf(hex))).toEqual({ ok: true, insns: [insn] });
    expect(decodeInsns(hex.match(/.{16}/g)!)).toEqual({ ok: true, insns: [insn] });
  });

  test('calls and addresses keep what they have', () => {
    const slots = ['8510200103000000', '1841000000000281', '00000000ffffffff', '8520000030810400'];
    const decoded = decodeInsns(slots);
    expect(decoded).toMatchObject({
      ok: true,
      insns: [{ off: 288, imm: 3 }, { src: 4, imm64: 0xffffffff81020000n }, { imm: 0x48130 }],
    });
    expect(decoded.ok && toHex(encodeInsns(decoded.insns))).toBe(slots.join(''));
  });
});

const CALLER = ['8510000003000000', '18420000020000000000000000000000', '9500000000000000'];
const CALLEE = ['8510000' + '0fbffffff', '9500000000000000'];

describe('a program', () => {
  test('is split where calls and callbacks point', () => {
    const decoded = decodeProgram(bytesOf(...CALLER, ...CALLEE), { name: 'p' });
    expect(decoded).toEqual({
      ok: true,
      wire: { kfuncIds: [], mapFds: [] },
      program: {
        name: 'p',
        kfuncs: [],
        maps: [],
        subprogs: [
          { name: 'main', insns: [bpf.callSubprog(1), bpf.ldFunc('r2', 1), bpf.exit()] },
          { name: 'func1', insns: [bpf.callSubprog(0), bpf.exit()] },
        ],
      },
    });
    expect(decoded.ok && toHex(encodeProgram(decoded.program))).toBe([...CALLER, ...CALLEE].join(''));
  });

  test('and where the caller says that one begins', () => {
    const decoded = decodeProgram(bytesOf('9500000000000000', 'bf10000000000000', '9500000000000000'), {
      entries: [1],
      subprogs: ['main', 'exception_cb'],
    });
    expect(decoded).toMatchObject({
      program: {
        subprogs: [{ insns: [bpf.exit()] }, { name: 'exception_cb', insns: [bpf.mov64('r0', 'r1'), bpf.exit()] }],
      },
    });
  });

  test("with a kernel's numbers for kfuncs and maps", () => {
    const slots = [
      '8520000034210100',
      '1811000009000000',
      '0000000000000000',
      '1821000003000000',
      '0000000008000000',
      '9500000000000000',
    ];
    const decoded = decodeProgram(bytesOf(...slots));
    expect(decoded).toMatchObject({
      wire: { kfuncIds: [0x12134], mapFds: [3, 9] },
      program: { kfuncs: ['kfunc_74036'], maps: ['map_3', 'map_9'] },
    });
    if (!decoded.ok) return;
    expect(decoded.program.subprogs[0]!.insns.slice(0, 3)).toEqual([
      bpf.callKfunc(0),
      bpf.ldMap('r1', 1),
      bpf.ldMapValue('r1', 0, 8),
    ]);
    expect(toHex(encodeProgram(decoded.program, decoded.wire))).toBe(slots.join(''));
  });
});

test('100,000 instructions decode in linear time', () => {
  const count = 100_000;
  const program: Program = {
    name: 'long',
    kfuncs: [],
    maps: [],
    subprogs: [
      { name: 'main', insns: [...Array<Insn>(count).fill(bpf.add64('r1', 1)), bpf.callSubprog(1), bpf.exit()] },
      { name: 'func1', insns: [...Array<Insn>(count).fill(bpf.ldImm64('r1', 1)), bpf.exit()] },
    ],
  };
  expect(decodeProgram(encodeProgram(program), { name: 'long' })).toMatchObject({
    program: { subprogs: program.subprogs.map(({ insns }) => ({ insns: { length: insns.length } })) },
  });
});
