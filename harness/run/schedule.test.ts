import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { placeCapture } from '../capture/placed';
import { readCaptureFile } from '../capture/read';
import { setupOf } from '../exec-requests';
import { type CapturedInput, capturedInputs } from '../import-captures';
import { CPUS } from '../machine/layout';
import { privateFramePointer } from './frames';
import { kept, Rerun } from './rerun';
import { schedule } from './schedule';

const FILE = join(__dirname, '../../jit/testdata/kernel/captures.ndjson.gz');
/** Calls helpers out of two private frames, and reads jiffies. */
const NAME = 'random/rawtp-032';
let input: CapturedInput;

beforeAll(() => {
  const located = readCaptureFile(FILE).captures.find(({ capture }) => capture.name === NAME)!;
  input = capturedInputs(placeCapture(located), undefined, 1)[0]!;
});

const call = { name: 'bpf_ktime_get_ns', nth: 1 };
const r9 = (n: number, nth = 1) =>
  schedule(input.built.world, n)
    .leftBy({ ...call, nth })
    .registers.get('r9')!;
const DIRECTION = 0x400n;

describe('a schedule', () => {
  it('is the same for the same number, and another for another', () => {
    const all = Array.from({ length: 30 }, (_, n) => schedule(input.built.world, n).leftBy(call));
    expect(all).toEqual(all.map((_, n) => schedule(input.built.world, n).leftBy(call)));
    expect(new Set(all.map(({ registers, flags }) => `${[...registers]} ${flags}`)).size).toBe(30);
  });

  it('leaves every private frame pointer of every CPU somewhere in r9', () => {
    const { world } = input.built;
    const frames = world.programs[0]!.analysis.subprogs.flatMap((_, subprog) =>
      Array.from({ length: CPUS }, (_, cpu) => privateFramePointer(world, 0, subprog, cpu) ?? []).flat(),
    );
    const seen = new Set(Array.from({ length: 60 }, (_, n) => r9(n)));
    expect(frames.length).toBeGreaterThan(2);
    expect(frames.filter((each) => !seen.has(each))).toEqual([]);
  });

  it('leaves another wrong value at the next call', () => {
    expect(r9(1, 2)).not.toBe(r9(1, 1));
  });

  it('has the direction flag clear, as the ABI wants it, and the others as they come', () => {
    const flags = Array.from({ length: 50 }, (_, n) => schedule(input.built.world, n).leftBy(call).flags);
    expect(flags.filter((each) => (each & DIRECTION) !== 0n)).toEqual([]);
    for (const bit of [0x1n, 0x4n, 0x10n, 0x40n, 0x80n, 0x800n]) {
      expect(new Set(flags.map((each) => (each & bit) !== 0n)).size).toBe(2);
    }
  });
});

describe('a run that is run again', () => {
  const rerun = <T>(work: (machine: Rerun) => T): T => {
    const machine = new Rerun(setupOf(input.built, input.options));
    try {
      return work(machine);
    } finally {
      machine.close();
    }
  };
  const seenOf = (machine: Rerun, n?: number) => {
    const { collect: _, ...outcome } = kept(
      machine.again(n === undefined ? undefined : schedule(input.built.world, n)),
    );
    return outcome;
  };

  it('is the same run', () => {
    rerun((machine) => {
      const first = seenOf(machine);
      expect(first.status.kind).toBe('ok');
      expect(seenOf(machine)).toEqual(first);
    });
  });

  it('is the same for those outside whatever helpers leave behind, but for their own registers', () => {
    rerun((machine) => {
      const [first, ...others] = [0, 1, 2, 3].map((n) => seenOf(machine, n));
      for (const { after, memory, status } of others) {
        expect([after[0], memory, status]).toEqual([first!.after[0], first!.memory, first!.status]);
      }
    });
  });

  it('has other code, and what it had again', () => {
    rerun((machine) => {
      const first = seenOf(machine);
      const { world } = input.built;
      const [placed] = world.programs;
      // ud2 at the entry.
      const code = placed!.code.map((bytes, i) => (i === 0 ? Uint8Array.of(0x0f, 0x0b, ...bytes.subarray(2)) : bytes));
      machine.replace({ world: { ...world, programs: [{ ...placed!, code }] }, program: 0, subprog: 0 });
      expect(seenOf(machine).status).toMatchObject({ kind: 'invalid-instruction' });
      machine.replace(null);
      expect(seenOf(machine)).toEqual(first);
    });
  });
});
