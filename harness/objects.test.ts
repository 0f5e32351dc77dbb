import { join, relative } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { policyNamed } from '../jit';
import { compileFile, executeFile, formatIssue, listing, REPORTERS, runSpecs } from './index';

const file = (name: string): string => relative(process.cwd(), join(__dirname, 'elf', 'testdata', name));
const CHAIN = file('chain.bpf.o');
const CORE = file('core.bpf.o');
const KERNEL = file('kernel.bpf.o');
const policy = policyNamed('linux-6.18')!;

const context = new Uint8Array(64);

/** What an execution returns, or what is wrong with the file. */
function execute(name: string, section?: string, policyName = 'linux-6.18') {
  const chosen = policyNamed(policyName)!;
  const done = executeFile(file(name), 'kprobe', context, { policy: chosen, section, btf: KERNEL });
  return done.ok ? done.programs : done.issues.map(formatIssue);
}

describe('run', () => {
  test('takes each program of an object as a spec that holds under the default policies', async () => {
    const { report, issues } = await runSpecs([CHAIN]);
    expect(issues).toEqual([]);
    const judged = report.results.map(({ spec, policy, verdict }) => `${spec} ${policy} ${verdict}`);
    expect(judged).toEqual(
      ['on_sleep', 'on_switch'].flatMap((name) =>
        ['kernel-stack', 'linux-6.18', 'subtree'].map((policy) => `chain.bpf.o: ${name} ${policy} holds`),
      ),
    );
  });

  test('has private frames for the programs that the kernel has them for', async () => {
    const { report } = await runSpecs([CHAIN], { policies: ['linux-6.18'], object: { section: 'on_sleep' } });
    const seen = report.results[0]!.framePointers.map(({ subprog, term, offset }) => [subprog, term, offset]);
    expect(seen).toEqual([
      ['on_sleep', 'kernel stack', null],
      ['fill', 'block + 104', 104],
      ['sum', 'kernel stack', null],
      ['count', 'block + 80', 80],
    ]);
  });

  test('shows the line of C where a policy fails', async () => {
    const { report } = await runSpecs([CHAIN], { policies: ['unsaved'], object: { section: 'on_sleep' } });
    const place = { file: './chain.bpf.c', line: 36, text: 'return *value + kept[key & 7] + fill(key);' };
    expect(report.results[0]!.findings[0]).toMatchObject({ check: 'frame-address', subprog: 'count', yaml: place });
    const text = REPORTERS.text(report, { color: false, verbose: false });
    expect(text).toContain('  source   ./chain.bpf.c:36: return *value + kept[key & 7] + fill(key);\n');
    expect(text).not.toContain('  spec  ');
  });

  test('takes callbacks, exceptions, arrays of programs and empty maps', async () => {
    const { report } = await runSpecs([file('programs.bpf.o')]);
    expect(report.results.map(({ verdict }) => verdict)).toEqual(Array(15).fill('holds'));
  });

  test('a command that shows it again names the program and the types of the kernel', async () => {
    const { report: failing } = await runSpecs([CORE], { object: { section: 'loads', btf: KERNEL } });
    expect(failing.results[0]).toMatchObject({ verdict: 'fails' });
    expect(failing.results[0]!.findings[0]!.replay).toMatch(/--trace --section loads --btf .*kernel\.bpf\.o$/);
  });

  test('takes bodies from files beside a spec', async () => {
    const { report, issues } = await runSpecs([file('chain.yaml')]);
    expect(issues.map(formatIssue)).toEqual([]);
    expect(report.results.map(({ spec, policy, asDeclared }) => [spec, policy, asDeclared])).toEqual([
      ['a compiled chain keeps its private frames', 'kernel-stack', true],
      ['a compiled chain keeps its private frames', 'linux-6.18', true],
      ['a compiled chain keeps its private frames', 'subtree', true],
      ['a compiled chain keeps its private frames', 'unsaved', true],
      ['a program of a text beside the spec', 'kernel-stack', true],
      ['a program of a text beside the spec', 'linux-6.18', true],
      ['a program of a text beside the spec', 'subtree', true],
      ['an object that adapts to a kernel', 'linux-6.18', true],
    ]);
  });
});

test('jit compiles the programs of an object', () => {
  const compiled = compileFile(CHAIN, 'kprobe', policy, { section: 'on_switch' });
  if (!compiled.ok) throw new Error(compiled.issues.map(formatIssue).join('\n'));
  const lines = listing(compiled.programs[0]!);
  expect(lines.filter((line) => line.startsWith('func #'))).toEqual([
    expect.stringContaining('func #0 on_switch'),
    expect.stringContaining('func #1 sum'),
    expect.stringMatching(/func #2 count: .* private/),
    expect.stringMatching(/func #3 fill: .* private/),
  ]);
});

describe('exec', () => {
  test.each([
    ['chain.bpf.o', 'on_sleep', 54],
    ['programs.bpf.o', 'loops', 7],
    ['programs.bpf.o', 'throws', 42],
    ['programs.bpf.o', 'jumps_on', 2],
    ['programs.bpf.o', 'looks_up', 5],
    ['core.bpf.o', 'guarded', 4],
  ])('%s, %s', (name, section, retval) => {
    expect(execute(name, section)).toMatchObject([{ name: section, result: { retval, findings: [] } }]);
  });

  test('shows the line of C where a policy fails', () => {
    const place = { line: 36, text: expect.stringContaining('fill(key)') };
    expect(execute('chain.bpf.o', 'on_sleep', 'unsaved')).toMatchObject([
      {
        result: {
          findings: expect.arrayContaining([expect.objectContaining({ yaml: expect.objectContaining(place) })]),
        },
      },
    ]);
  });
});

describe('what is wrong names the place', () => {
  test.each([
    ['chain.bpf.o', 'nix', `${CHAIN}: section nix: there is no such section of programs, expected `],
    [
      'core.bpf.o',
      'unguarded',
      `${CORE}: section kprobe/unguarded + 0x0: CO-RE: the kernel has no struct thing.gone (./core.bpf.c:75: `,
    ],
    ['kernel.bpf.o', undefined, `${KERNEL}: the sections: there is no program, expected `],
  ])('%s, %s', (name, section, expected) => {
    expect(execute(name, section)).toEqual([expect.stringContaining(expected)]);
  });

  test('in a file of types', () => {
    const done = executeFile(CORE, 'kprobe', context, { policy, btf: file('nix') });
    expect(done).toMatchObject({
      ok: false,
      issues: [{ file: file('nix'), message: `there is no file ${file('nix')}` }],
    });
  });
});
