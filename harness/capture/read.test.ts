import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { readCaptures } from '../../jit/testing/captures';
import { readCaptureFile } from './read';

const folder = mkdtempSync(join(tmpdir(), 'privstack-read-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const MACHINE = join(__dirname, '..', '..', 'jit', 'testdata', 'kernel', 'machine.json');
const good = readCaptures().find(({ name }) => name === 'alu/AND-values')!;
const [first] = good.want;

const MAP = { name: 'm', type: 'array', pointer: '0x1000', value: null, value_size: 8, max_entries: 1 };

type Change = (capture: Record<string, unknown>) => void;
const set =
  (path: readonly (string | number)[], value: unknown): Change =>
  (capture) => {
    const last = path[path.length - 1]!;
    let at = capture as Record<string | number, unknown>;
    for (const key of path.slice(0, -1)) at = at[key] as Record<string | number, unknown>;
    if (value === undefined) delete at[last];
    else at[last] = value;
  };

function problemsOf(text: string): readonly string[] {
  const file = join(folder, 'bad.ndjson');
  writeFileSync(file, text);
  return readCaptureFile(file, { machine: MACHINE }).problems.map((each) => each.slice(folder.length + 1));
}

describe('a file of captures', () => {
  it.each<[Change, string]>([
    [set(['name'], undefined), 'name: expected a name'],
    [set(['prog_type'], 'NONE'), 'prog_type: there is no "NONE", expected one as "RAW_TRACEPOINT"'],
    [set(['request'], undefined), 'request: expected an object'],
    [
      set(['request', 'funcs', 0, 'stack_depth'], -1),
      'request.funcs[0].stack_depth: must be a whole number from 0 to 65535',
    ],
    [set(['request', 'funcs', 0, 'insns', 1], 'b7'), 'request.funcs[0].insns[1]: 1 bytes, expected 8'],
    [set(['request', 'ksyms'], []), 'request.ksyms: 0 entries, expected 1'],
    [set(['request', 'ksyms', 0], 7), 'request.ksyms[0]: expected an address, as "0xffffffffc0020000"'],
    [set(['want'], []), 'want: 0 entries, expected 1'],
    [
      set(['want', 0, 'bytes'], `${first!.bytes}0`),
      `want[0].bytes: ${first!.bytes.length + 1} digits, expected two for each byte`,
    ],
    [set(['want', 0, 'bytes'], 'zz'), 'want[0].bytes: `z` at digit 0 is no hex'],
    [set(['want', 0, 'bytes'], '0f1f'), 'want[0].relocs[0].off: expected a whole number from 0 to 2'],
    [
      set(
        ['want', 0, 'lines'],
        [
          [3, 0],
          [1, 2],
        ],
      ),
      'want[0].lines[1]: expected slots in order',
    ],
    [set(['exec', 'results'], []), `exec.results: 0 entries, expected ${good.exec!.runs.length}`],
    [
      set(['exec', 'results', 0, 'ctx'], '00'),
      `exec.results[0].ctx: 1 bytes, exec.runs[0].ctx has ${good.exec!.runs[0]!.ctx.length / 2}`,
    ],
    [
      set(['maps'], [{ ...MAP, value_size: 8192, max_entries: 1 << 20 }]),
      'maps[0]: 1048576 values of 8192 bytes, at most 16777216 bytes are possible',
    ],
    [set(['maps'], [{ ...MAP, init: '000000000000000001' }]), 'maps[0].init: 9 bytes, its values have 8'],
  ])('names the place that is wrong: %#', (change, problem) => {
    const copy = JSON.parse(JSON.stringify(good)) as Record<string, unknown>;
    change(copy);
    expect(problemsOf(`\n${JSON.stringify(copy)}\n`)).toEqual([`bad.ndjson:2: ${problem}`]);
  });

  it.each([
    ['{', /^bad\.ndjson:1: no JSON: /],
    ['[]', /^bad\.ndjson:1: the line: expected an object$/],
    ['', /^bad\.ndjson: there is no capture in it$/],
    ['{"machine": {"kernel": "6"}}', /^bad\.ndjson:1: machine\.symbols: expected an object$/],
  ])('that holds %s', (text, problem) => {
    expect(problemsOf(text)).toEqual([expect.stringMatching(problem)]);
  });

  it('needs to know the machine', () => {
    const file = join(folder, 'alone.ndjson');
    writeFileSync(file, JSON.stringify(good));
    expect(readCaptureFile(file).problems).toEqual([
      expect.stringContaining('nothing says which machine these are from'),
    ]);
  });
});
