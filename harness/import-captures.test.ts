import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { readCaptures } from '../jit/testing/captures';
import type { LocatedCapture } from './capture/capture';
import { readCaptureFile } from './capture/read';
import { withLines } from './capture/testing/with-lines';
import { importCapture, importFailed } from './import-captures';

const FILE = join(__dirname, '..', 'jit', 'testdata', 'kernel', 'captures.ndjson.gz');
const { captures, problems } = readCaptureFile(FILE);
const named = (name: string): LocatedCapture => captures.find(({ capture }) => capture.name === name)!;

describe('images of a kernel, run where the kernel had them', () => {
  it('are read without a problem', () => {
    expect(problems).toEqual([]);
    expect(captures).toHaveLength(565);
  });

  it('return what the kernel returned, under helpers that destroy what they may', () => {
    const runnable = captures.filter(({ capture }) => capture.exec);
    const wrong = runnable.map((each) => importCapture(each, { most: 1 })).filter(importFailed);
    expect(wrong.map(({ name }) => name)).toEqual([]);
    expect(runnable).toHaveLength(303);
  });

  // `privstack import --schedules 1000` runs each of them a thousand times.
  it('return the same whatever helpers leave behind', () => {
    const runnable = captures.filter(({ capture }, i) => capture.exec && i % 9 === 0);
    const imported = runnable.map((each) => importCapture(each, { most: 1, schedules: 6, seed: 2 }));
    expect(imported.filter(importFailed).map(({ name }) => name)).toEqual([]);
    expect(imported.reduce((sum, { schedules }) => sum + schedules.count, 0)).toBeGreaterThan(150);
  });

  // A machine that it is not: our JIT emits something else, so that instructions must be found by decoding.
  it('are understood by their line map where our JIT makes other bytes', () => {
    const shipped = readCaptures().filter(({ exec }, i) => exec && i % 6 === 0);
    const other = shipped.map((capture): LocatedCapture => {
      const located = named(capture.name);
      const machine = { ...located.machine, jit: { ...located.machine.jit, ibt: true } };
      return { ...located, machine, capture: withLines(capture) };
    });
    const imported = other.map((each) => importCapture(each, { most: 1 }));
    expect(imported.filter(importFailed).map(({ name }) => name)).toEqual([]);
    expect(imported.every(({ ourBytes, mapped }) => !ourBytes && mapped)).toBe(true);
    expect(imported.length).toBeGreaterThan(40);
  });

  it.each([
    ['a private boundary, the callback that no kernel shows', 'exception/perf-136', true, ['exception']],
    ['a private boundary, a callback of its own', 'exception/perf-136-cb264', false, ['exception']],
    ['a boundary on the kernel stack', 'exception/perf-48', true, []],
  ])('throws: %s', (_, name, madeCallback, checks) => {
    const imported = importCapture(named(name), { context: new Uint8Array(64) });
    const found = imported.runs.flatMap(({ result }) => result.findings.map(({ check }) => check));
    expect([...new Set(found)]).toEqual(checks);
    expect(imported.madeCallback).toBe(madeCallback);
  });

  it('fail when a byte is another', () => {
    const capture = withLines(readCaptures().find(({ name }) => name === 'random/rawtp-020')!);
    const [first, ...rest] = capture.want;
    // A pop of r9 behind a call becomes one of r8.
    const want = [{ ...first!, bytes: first!.bytes.replace('4159', '4158') }, ...rest];
    const imported = importCapture({ ...named(capture.name), capture: { ...capture, want } }, { most: 1 });
    const [finding] = imported.runs[0]!.result.findings;
    expect([imported.ourBytes, finding?.check]).toEqual([false, 'frame-address']);
    const { failed } = importCapture(
      { ...named(capture.name), capture: { ...capture, want } },
      { schedules: 6 },
    ).schedules;
    // Schedule 1 leaves the right frame pointer in r9, by chance; 4 another CPU's.
    const found = failed.map(({ schedule, result }) => [schedule, result.findings[0]!.check]);
    expect(Object.fromEntries(found)).toEqual({
      ...{ 0: 'frame-address', 2: 'frame-address', 3: 'frame-address', 4: 'cpu-isolation', 5: 'frame-address' },
    });
  });
});
