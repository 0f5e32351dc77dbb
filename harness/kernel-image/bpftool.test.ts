import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { captureOf, captureType } from '../capture/capture';
import { machineDescription } from '../capture/machine';
import { importCapture } from '../import-captures';
import { type BpftoolDump, bpftoolInfo, DumpError } from './bpftool';
import { captureDump } from './capture-live';

const read = (name: string): string => readFileSync(join(__dirname, 'testdata', 'bpftool', name), 'utf8');
const DUMP: BpftoolDump = { xlated: read('xlated.json'), jited: read('jited.json'), kallsyms: read('kallsyms') };

test('what bpftool prints of a program becomes a capture, which runs', () => {
  const { machine, capture } = captureDump(DUMP, 'raw_tracepoint');
  const written = captureOf(JSON.parse(JSON.stringify(capture)));
  expect(written.name).toBe('runs');
  expect(written.want.flatMap(({ relocs }) => relocs.flatMap(({ sym }) => sym ?? []))).toEqual(
    expect.arrayContaining(['bpf_ktime_get_ns', '__htab_map_lookup_elem', 'srso_return_thunk']),
  );
  const imported = importCapture(
    {
      capture: written,
      type: captureType(written.prog_type),
      file: 'bpftool',
      line: 2,
      machine: machineDescription(JSON.parse(JSON.stringify(machine))),
    },
    { context: new Uint8Array(64) },
  );
  expect(imported).toMatchObject({ problem: null, ourBytes: true, runs: [{ result: { findings: [] } }] });
  // Private frames: of fill and of count.
  expect(written.request.funcs.map(({ priv_frame_ptr }) => priv_frame_ptr !== null)).toEqual([
    false,
    true,
    false,
    true,
  ]);
});

/** A dump with something done to one of its parts. */
const changed = (part: keyof BpftoolDump, work: (text: string) => string): BpftoolDump => {
  return { ...DUMP, [part]: work(DUMP[part]) };
};
const parsed = (work: (list: Record<string, unknown>[]) => unknown) => (text: string) =>
  JSON.stringify(work(JSON.parse(text) as Record<string, unknown>[]));

describe('says which part of a dump is wrong', () => {
  test.each<[BpftoolDump, string, string]>([
    [changed('jited', () => '{"error":"No libbfd support"}'), 'jited', 'bpftool could not print it: No libbfd support'],
    [changed('jited', () => '[]'), 'jited', 'expected a list that is not empty'],
    [changed('jited', () => '[7]'), 'jited', 'expected a list that is not empty'],
    [changed('xlated', (text) => text.slice(0, 100)), 'xlated', 'no JSON: '],
    [
      changed(
        'xlated',
        parsed((list) => list.map(({ opcodes, ...rest }) => rest)),
      ),
      'xlated',
      '[0].opcodes: expected them, which `opcodes` makes bpftool print',
    ],
    [
      changed('xlated', (text) => text.replace('"code":"0x79"', '"code":"79"')),
      'xlated',
      '[0].opcodes.code: expected a byte, as "0x1f"',
    ],
    [
      changed('xlated', (text) => text.replace('"off":["0x00","0x00"]', '"off":["0x00"]')),
      'xlated',
      '[0].opcodes.off: 1 bytes, expected 2',
    ],
    [
      changed(
        'jited',
        parsed((list) => list.map((each) => ({ ...each, insns: [{}] }))),
      ),
      'jited',
      '[0].insns[0].opcodes: expected bytes, which `opcodes` makes bpftool print',
    ],
    [
      changed('kallsyms', (text) => text.replaceAll('[bpf]', '')),
      'kallsyms',
      'there is no address of `bpf_prog_32b2cc79477e1ca4_runs`, expected it with `[bpf]`',
    ],
  ])('%#', (dump, part, message) => {
    expect(() => bpftoolInfo(dump, 17)).toThrow(DumpError);
    try {
      bpftoolInfo(dump, 17);
    } catch (error) {
      expect(error).toMatchObject({ part, message: expect.stringContaining(message) });
    }
  });
});
