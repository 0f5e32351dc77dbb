import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { policyNamed } from '../../jit';
import { readCorpus, writeCorpus } from './corpus';
import { emptyTally } from './tally';
import { Work } from './work';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'privstack-corpus-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const RETURN = 'b70000002a0000009500000000000000';
const put = (name: string, content: string | Uint8Array): void => writeFileSync(join(folder, name), content);

describe('a corpus', () => {
  it.each<[string, string | Uint8Array]>([
    ['wire bytes', Buffer.from(RETURN, 'hex')],
    ['hex', RETURN],
    ['assembly', 'r0 = 42; exit'],
    ['a spec', 'name: a\nprograms: { prog: { type: kprobe, asm: "r0 = 42; exit" } }\n'],
  ])('takes %s', (_, content) => {
    put('program', content);
    if (String(content).startsWith('name')) put('program.yaml', content);
    const { programs, problems } = readCorpus(folder);
    expect(problems).toEqual([]);
    expect([...programs.values()][0]).toMatchObject({ type: 'kprobe', subprogs: [{ name: 'main' }] });
  });

  it.each<[string, string | Uint8Array, RegExp]>([
    ['bytes that are no instructions', Buffer.alloc(13), /:1:1: 13 bytes, expected instructions of 8 bytes each$/],
    ['an opcode that there is not', Buffer.alloc(16, 0xff), /:1:1: instruction 0: /],
    ['assembly that is none', 'r0 = ; exit', /:1:6 {2}/],
    ['what reads registers that nobody wrote', 'r0 = r3; exit', /depends on something that it did not write$/],
    ['nothing', '', /:1:1: 0 bytes|the file is empty/],
  ])('says where %s is, and takes the others', (_, content, message) => {
    put('bad', content);
    put('good', RETURN);
    const { programs, problems } = readCorpus(folder);
    expect([...programs.keys()]).toEqual(['good']);
    expect(problems).toEqual([expect.stringMatching(message)]);
  });

  it('is run, changed, and added to', () => {
    put('lost.asm', '*(u64 *)(r10 - 64) = 5; call bpf_ktime_get_ns; r0 = *(u64 *)(r10 - 64); exit');
    const plan = { seed: 1, inputs: 2, every: 128, corpus: folder };
    const policy = policyNamed('unsaved')!;
    const work = new Work(policy, plan);
    const run = (path: string) => work.run([{ index: 0, path }], emptyTally());
    expect(run('@lost.asm')).toHaveLength(1);
    expect(run('@lost.asm~5')).toEqual(run('@lost.asm~5'));
    work.close();
    expect(writeCorpus(folder, ['17', '17~3', '@lost.asm'], policy, plan)).toBe(2);
    expect(readCorpus(folder).problems).toEqual([]);
    expect(readCorpus(folder).programs.size).toBe(3);
    expect(writeCorpus(folder, ['17'], policy, plan)).toBe(0);
    expect(readdirSync(folder)).toHaveLength(3);
  });
});
