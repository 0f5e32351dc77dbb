import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { compile, type KernelConfig, LINUX_6_18, link, policyNamed } from '../jit';
import { compileInput, readCaptures, type Capture as Shipped } from '../jit/testing/captures';
import { readCaptureFile } from './capture/read';
import { withLines } from './capture/testing/with-lines';
import { compareCaptures, comparisonLines, sameEverywhere } from './compare-captures';

const folder = mkdtempSync(join(tmpdir(), 'privstack-compare-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const ORIGINAL = join(__dirname, '..', 'jit', 'testdata', 'kernel', 'captures.ndjson.gz');
const { machine } = readCaptureFile(ORIGINAL).captures[0]!;
const chosen = readCaptures().filter(({ exec }, i) => exec && i % 12 === 0);

const file = (name: string, captures: readonly object[], jit: object = {}): string => {
  const path = join(folder, name);
  const described = { machine: { ...machine, jit: { ...machine.jit, ...jit } } };
  writeFileSync(path, `${[described, ...captures].map((each) => JSON.stringify(each)).join('\n')}\n`);
  return path;
};

/** A capture as a kernel of another configuration would give it. */
function elsewhere(capture: Shipped, config: KernelConfig, policy = 'linux-6.18'): object {
  const input = { ...compileInput(capture), config, policy: policyNamed(policy)! };
  const image = compile(input);
  const ksyms = capture.request.ksyms.map((each) => `0x${(BigInt(each) + 0x100000n).toString(16)}`);
  const code = link(image, { functions: ksyms.map(BigInt), resolve: () => undefined });
  const before = withLines(capture);
  const want = image.functions.map(({ addrs }, i) => {
    const lines = before.want[i]!.lines!.map(([slot]) => [slot, slot === 0 ? 0 : addrs[slot]!]);
    return { bytes: Buffer.from(code[i]!).toString('hex'), relocs: [], lines };
  });
  return { ...capture, request: { ...capture.request, ksyms }, want };
}

const before = file('before.ndjson', chosen);

describe('two kernels side by side', () => {
  it('differ in nothing but addresses when they are alike', () => {
    const after = file(
      'alike.ndjson',
      chosen.map((each) => elsewhere(each, LINUX_6_18)),
    );
    const { comparison, problems } = compareCaptures([before, after]);
    expect(problems).toEqual([]);
    expect(comparison!.groups).toEqual([]);
    expect(sameEverywhere(comparison!)).toBe(true);
    expect(comparison!.common).toBe(chosen.length);
  });

  it('are run on the same inputs, whatever each was captured with', () => {
    const other = (ctx: string) => ctx.replace(/../g, 'a5');
    const after = file(
      'inputs.ndjson',
      chosen.map(({ exec, ...each }) => ({
        ...each,
        exec: { ...exec!, runs: exec!.runs.map(({ ctx }) => ({ ctx: other(ctx) })) },
      })),
    );
    expect(compareCaptures([before, after]).comparison!.verdicts).toEqual([]);
  });

  it('differ in returns where one has no thunk for them: in every function, as one kind', () => {
    const config = { ...LINUX_6_18, returnThunk: false };
    const after = file(
      'returns.ndjson',
      chosen.map((each) => elsewhere(each, config)),
      { return_thunk: null },
    );
    const { comparison } = compareCaptures([before, after]);
    expect(new Set(comparison!.groups.map(({ role }) => role))).toEqual(new Set(['epilogue']));
    const text = comparisonLines(comparison!).join('\n');
    expect(text).toMatch(/^epilogue: .* and \d+ more places$/m);
    expect(text).toMatch(/^ {4}exit$/m);
    expect(text).toMatch(/^ {2}\+ ret$/m);
    expect(comparison!.verdicts).toEqual([]);
  });

  it('differ in a verdict where one does not save r9', () => {
    const priv = readCaptures().filter(({ name }) => name === 'random/rawtp-020');
    const first = file('saved.ndjson', priv);
    const after = file(
      'unsaved.ndjson',
      priv.map((each) => elsewhere(each, LINUX_6_18, 'unsaved')),
    );
    const { comparison } = compareCaptures([first, after]);
    expect(comparison!.verdicts).toMatchObject([{ capture: 'random/rawtp-020', after: 'fails frame-address' }]);
    expect(comparison!.groups.map(({ role }) => role)).toContain('preserve, call, restore');
  });

  it('are not compared where one cannot be read', () => {
    const { comparison, problems } = compareCaptures([before, join(folder, 'none.ndjson')]);
    expect([comparison, problems]).toEqual([null, [`${join(folder, 'none.ndjson')}: no such file`]]);
  });
});
