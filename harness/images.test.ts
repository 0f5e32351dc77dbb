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
      'a kernel has compiled the image: `subtree` has no say, expected captured',
    ],
  ])('says what is wrong with %s, %s', async (image, type, rest, message) => {
    const { issues } = await run(image, type, rest);
    expect(issues.map(formatIssue).join('\n')).toContain(message);
  });
});
