import { expect, test } from '@jest/globals';
import { BPF_LDX, BPF_MEM, BPF_PROBE_MEM, decodeInsns, type Insn, insnClass, insnMode } from '../../jit';
import { readCaptures } from '../../jit/testing/captures';
import { decode } from '../capture/decode';
import { readPrologue } from '../capture/prologue';
import { isMapLoad, mapAddresses, probingLoads } from './by-order';

const isProbe = (insn: Insn): boolean => insnClass(insn) === BPF_LDX && insnMode(insn) === BPF_PROBE_MEM;
/** As a dump shows it. */
const disguised = (insn: Insn): Insn => {
  if (isMapLoad(insn)) return { ...insn, imm64: 7n };
  return isProbe(insn) ? { ...insn, code: (insn.code & ~0xe0) | BPF_MEM } : insn;
};

const FUNCTIONS = readCaptures().flatMap(({ name, request, want }) =>
  request.funcs.map((fn, i) => {
    const decoded = decodeInsns(fn.insns);
    if (!decoded.ok) throw new Error(name);
    const rows = decode(Uint8Array.from(Buffer.from(want[i]!.bytes, 'hex')), BigInt(request.ksyms[i]!));
    const { end } = readPrologue(rows);
    return { name, insns: decoded.insns, rows: rows.filter(({ offset }) => offset >= end) };
  }),
);
const indices = (insns: readonly Insn[], is: (insn: Insn) => boolean) =>
  insns.flatMap((insn, i) => (is(insn) ? [i] : []));

test('addresses of maps are found in the code of every capture, in order', () => {
  const found = FUNCTIONS.flatMap(({ name, insns, rows }) => {
    const addresses = mapAddresses(insns.map(disguised), rows);
    return indices(insns, isMapLoad).map((i) => [name, addresses.get(i), insns[i]!.imm64] as const);
  });
  expect(found.length).toBeGreaterThan(50);
  for (const [name, got, want] of found) expect([name, got]).toEqual([name, want]);
});

test('loads that may fault are told from the code, or not at all', () => {
  let told = 0;
  for (const { name, insns, rows } of FUNCTIONS) {
    const found = probingLoads(insns.map(disguised), rows);
    if (found === null) continue;
    expect([name, ...found]).toEqual([name, ...indices(insns, isProbe)]);
    told += found.size;
  }
  expect(told).toBeGreaterThan(3);
});
