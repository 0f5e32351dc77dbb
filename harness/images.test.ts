import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { runSpecs } from '.';
import { formatIssue } from './spec';

const folder = mkdtempSync(join(tmpdir(), 'privstack-images-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const CAPTURES = relative(folder, join(__dirname, '..', 'jit', 'testdata', 'kernel', 'captures.ndjson.gz'));

let files = 0;

async function run(image: string, type: string, rest = '', more = '') {
  const file = join(folder, `${files++}.yaml`);
  const text = `name: image\n${rest}\nprograms:\n  prog:\n    type: ${type}\n    image: ${JSON.stringify(image)}\n${more}`;
  writeFileSync(file, text);
  return runSpecs([file]);
}

const captured = (name: string): string => `${CAPTURES}#${name}`;

const OTHER = `  other:
    type: raw_tracepoint
    asm: |
      *(u64 *)(r10 - 64) = 1
      call bpf_ktime_get_ns
      r0 = 0
      exit
context: 256
scenarios:
  interrupted:
    do:
      - { interrupt: every instruction of prog.main, run: other, guard: none }
`;

describe('an image in a spec', () => {
  it.each([
    ['an exception out of a private frame', 'exception/perf-136', 'perf_event', '', 'fails', 'exception'],
    ['an exception from the kernel stack', 'exception/perf-48', 'perf_event', '', 'holds', undefined],
    ['interrupted everywhere by a program of ours', 'random/rawtp-020', 'raw_tracepoint', OTHER, 'holds', undefined],
  ])('runs as the kernel made it: %s', async (_, name, type, more, verdict, check) => {
    const { report, issues } = await run(captured(name), type, '', more);
    expect(issues).toEqual([]);
    expect(report.results).toMatchObject([{ policy: 'captured', verdict }]);
    expect(report.results[0]!.findings[0]?.check).toBe(check);
  });

  it.each([
    [captured('no-such'), 'kprobe', '', 'has 0 captures of the name `no-such`, expected FILE#NAME, as '],
    [CAPTURES, 'kprobe', '', 'has 565 captures, expected FILE#NAME'],
    ['none.ndjson#a', 'kprobe', '', 'none.ndjson: no such file'],
    [captured('exception/perf-136'), 'kprobe', '', 'the image is of a program of type perf_event'],
    [
      captured('exception/perf-136'),
      'perf_event',
      'policies: [subtree]',
      'a kernel has compiled the image: `subtree` has no say, expected captured, or a body beside the image',
    ],
  ])('says what is wrong with %s, %s', async (image, type, rest, message) => {
    const { issues } = await run(image, type, rest);
    expect(issues.map(formatIssue).join('\n')).toContain(message);
  });
});

const BODY = `    exception_callback: catch
    asm: |
      main:
        *(u64 *)(r10 - 64) = 42
        r1 = *(u64 *)(r1 + 8)
        if r1 == 0 goto out
        call bpf_throw
      out:
        r0 = 0
        exit
      .global catch
      catch:
        *(u64 *)(r10 - 264) = r1
        r0 = *(u64 *)(r10 - 264)
        exit
context: "00 00 00 00 00 00 00 00  10 00 00 00 00 00 00 00"
`;

const FINDING = `${relative(folder, join(__dirname, '..', 'specs', 'findings', 'captures', 'a-exceptions.ndjson'))}#main64_catch264`;

describe('an image beside its body', () => {
  const POLICIES = 'policies: [kernel-stack, captured]';

  it('runs under `captured`, with the names of the body', async () => {
    const more = `${BODY}expect: { policies: { captured: { fails: exception, first: catch } } }\n`;
    const { report, issues } = await run(FINDING, 'tracepoint', POLICIES, more);
    expect(issues).toEqual([]);
    expect(report.results).toMatchObject([
      { policy: 'kernel-stack', verdict: 'holds', asDeclared: true },
      { policy: 'captured', verdict: 'fails', asDeclared: true },
    ]);
    expect(report.results[1]!.findings[0]).toMatchObject({ check: 'exception', subprog: 'catch' });
  });

  it('runs beside the default policies where none is listed', async () => {
    const { report } = await run(FINDING, 'tracepoint', '', BODY);
    expect(report.results.map(({ policy }) => policy)).toEqual(['kernel-stack', 'linux-6.18', 'subtree', 'captured']);
  });

  it('has to be of that body', async () => {
    const { issues } = await run(FINDING, 'tracepoint', POLICIES, BODY.replace('r10 - 64) = 42', 'r10 - 64) = 43'));
    expect(issues.map(formatIssue).join('\n')).toMatch(
      /:10:9 {2}programs: the image is of another body: the kernel's JIT was given `\*\(u64 \*\)\(r10 - 64\) = 42`, not `.* = 43`$/,
    );
  });

  it('is what `captured` needs', async () => {
    const file = join(folder, 'bare.yaml');
    writeFileSync(file, `name: bare\n${POLICIES}\nprograms:\n  prog:\n    type: tracepoint\n${BODY}`);
    const { issues } = await runSpecs([file]);
    expect(issues.map(formatIssue).join('\n')).toContain('no program has an image, expected `image` of a program');
  });
});

describe('a map of the spec that an image has', () => {
  it('is where the kernel had it, and begins as the spec says', async () => {
    const file = relative(folder, join(__dirname, '..', 'specs', 'findings', 'captures', 'e-cmpxchg.ndjson'));
    const more = `maps: { seen: { size: 8 } }
context: "88 77 66 55 44 33 22 11"
expect: { memory: { seen: "8877665500000000" } }
`;
    const { report, issues } = await run(`${file}#e_at_once`, 'raw_tracepoint', '', more);
    expect(issues).toEqual([]);
    expect(report.results).toMatchObject([{ verdict: 'holds', asDeclared: true }]);
  });
});
