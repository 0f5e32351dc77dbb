import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type BodyFiles, filesBeside, MAX_BODY_BYTES } from './body-files';
import { formatIssue } from './issues';
import { parseSpecText } from './load';
import { type LoweredSpec, lowerSpec } from './lower';

const object = (name: string) => readFileSync(join(__dirname, '..', 'elf', 'testdata', `${name}.bpf.o`));

/** Files as if they were beside the spec. */
const FILES: Readonly<Record<string, Uint8Array>> = {
  'one.s': Buffer.from('main:\n  r0 = 1\n  exit\n'),
  'wrong.s': Buffer.from('main:\n  r0 = = 1\n  exit\n'),
  'chain.bpf.o': object('chain'),
  'core.bpf.o': object('core'),
  'kernel.bpf.o': object('kernel'),
  'programs.bpf.o': object('programs'),
  'cut.bpf.o': object('chain').subarray(0, 100),
  'noise.bin': Buffer.from([1, 2, 0, 4]),
};

const files: BodyFiles = {
  read(written) {
    const bytes = FILES[written];
    return bytes
      ? { ok: true, file: `specs/${written}`, bytes }
      : { ok: false, message: `there is no file ${written}` };
  },
  kernelTypes: () => undefined,
};

/** The spec, or what is wrong with it. */
function lower(programs: string, rest = ''): LoweredSpec | string[] {
  const { specs, issues } = parseSpecText(`name: x\nprograms:\n  ${programs}\n${rest}`, 'specs/x.yaml', files);
  const lowered = specs.map((each) => lowerSpec(each, { policies: ['kernel-stack', 'subtree', 'linux-6.18'] }));
  const all = [...issues, ...lowered.flatMap((each) => (each.ok ? [] : each.issues))];
  return all.length > 0 ? all.map(formatIssue) : lowered.flatMap((each) => (each.ok ? each.value : []))[0]!;
}

const spec = (...written: Parameters<typeof lower>): LoweredSpec => {
  const found = lower(...written);
  if (Array.isArray(found)) throw new Error(found.join('\n'));
  return found;
};

test('assembly has its positions in its own file', () => {
  const { programs } = spec('prog: { type: kprobe, file: one.s }');
  expect(programs[0]!.sources[0]![1]).toEqual({ file: 'specs/one.s', line: 3, column: 3 });
});

describe('an object', () => {
  const { programs, maps } = spec('prog: { type: kprobe, file: chain.bpf.o, section: on_sleep }');

  test('has its positions in the file of C', () => {
    expect(programs[0]!.sources[1]!.at(-1)).toMatchObject({ file: './chain.bpf.c', text: 'return slots[seed & 7];' });
  });

  test('brings its maps along, but for those that nothing of it refers to', () => {
    expect(maps.map(({ name, size, elements }) => [name, size, elements?.count])).toEqual([
      ['.rodata', 4, 1],
      ['.data', 8, 1],
      ['.bss', 8, 1],
      ['counts', 32, 4],
    ]);
  });

  test('says what it is attached to, unless the spec does', () => {
    const written = 'type: tracing, file: programs.bpf.o, section: loops';
    expect(spec(`p: { ${written} }`).programs[0]!.attachType).toBe('fentry');
    expect(spec(`p: { ${written}, attach_type: fexit }`).programs[0]!.attachType).toBe('fexit');
  });

  test('has the exception callback of its tag', () => {
    const { programs } = spec('p: { type: sched_cls, file: programs.bpf.o, section: throws }');
    expect(programs[0]!.exceptionCallback).toBe(1);
  });

  test('shares its maps among programs, and a spec may write one anew', () => {
    const both =
      'a: { type: kprobe, file: chain.bpf.o, section: on_sleep }\n  b: { type: kprobe, file: chain.bpf.o, section: on_switch }';
    expect(spec(both).maps.filter(({ name }) => name === 'counts')).toHaveLength(1);
    const { maps } = spec(both, 'maps: { counts: { size: 64, init: "07" } }');
    expect(maps.filter(({ name }) => name === 'counts')).toMatchObject([{ size: 64 }]);
  });
});

describe('what is wrong', () => {
  test.each([
    ['file: nix.s', 'specs/x.yaml:3:31  programs.prog.file: there is no file nix.s'],
    ['file: wrong.s', 'specs/wrong.s:2:8  programs.prog.file: '],
    [
      'file: noise.bin',
      'specs/x.yaml:3:31  programs.prog.file: specs/noise.bin is a binary file, expected assembly, or a BPF object',
    ],
    [
      'file: one.s, section: x',
      'specs/x.yaml:3:38  programs.prog.section: specs/one.s is no object, expected no `section`',
    ],
    ['asm: exit, section: x', 'specs/x.yaml:3:36  programs.prog.section: a body that is no file, expected `file`'],
    [
      'file: chain.bpf.o',
      'specs/x.yaml:3:31  programs.prog.file: chain.bpf.o has 2 programs, expected `section`: on_sleep, on_switch',
    ],
    [
      'file: cut.bpf.o',
      'specs/cut.bpf.o: the file + 0x64: the table of sections would end behind the last of the 100 bytes',
    ],
    [
      'file: core.bpf.o, section: asks',
      'specs/core.bpf.o: section kprobe/asks: its CO-RE relocations need the types of a kernel, expected BTF of a kernel: `--btf FILE`, or `btf` in a spec',
    ],
    ['file: core.bpf.o, section: asks, btf: nix', 'specs/x.yaml:3:63  programs.prog.btf: there is no file nix'],
    ['file: core.bpf.o, section: asks, btf: one.s', "specs/core.bpf.o: the kernel's BTF + 0x"],
    [
      'file: core.bpf.o, section: unguarded, btf: kernel.bpf.o',
      'specs/core.bpf.o: section kprobe/unguarded + 0x0: CO-RE: the kernel has no struct thing.gone (./core.bpf.c:75: return ((struct thing___old *)thing)->gone;)',
    ],
  ])('%s', (written, expected) => {
    expect(lower(`prog: { type: kprobe, ${written} }`)).toEqual([expect.stringContaining(expected)]);
  });

  test('two objects that have a map of the same name', () => {
    const both =
      'a: { type: kprobe, file: chain.bpf.o, section: on_sleep }\n  b: { type: tracing, file: programs.bpf.o, section: loops }';
    expect(lower(both)).toEqual([
      'specs/x.yaml:4:3  programs.b: specs/programs.bpf.o and specs/chain.bpf.o both have a map `.data`',
    ]);
  });

  test('a spec that is no file names none', () => {
    const { specs } = parseSpecText('name: x\nprograms: { p: { type: kprobe, file: one.s } }', '<stdin>');
    const lowered = lowerSpec(specs[0]!, { policies: [] });
    expect(lowered.ok ? [] : lowered.issues.map(({ message }) => message)).toContain('a text names no files');
  });
});

describe('files beside a spec', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'privstack-'));
    mkdirSync(join(folder, 'specs', 'inner'), { recursive: true });
    writeFileSync(join(folder, 'outside.s'), 'exit');
    writeFileSync(join(folder, 'specs', 'inner', 'a.s'), 'exit');
    writeFileSync(join(folder, 'specs', 'large.s'), 'x'.repeat(MAX_BODY_BYTES + 1));
    symlinkSync(join(folder, 'outside.s'), join(folder, 'specs', 'link.s'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const read = (written: string) => filesBeside(join(folder, 'specs', 'x.yaml')).read(written, MAX_BODY_BYTES);

  test('are read', () => {
    expect(read('inner/a.s')).toMatchObject({ ok: true, file: join(folder, 'specs', 'inner', 'a.s') });
    expect(read('inner/../inner/a.s')).toMatchObject({ ok: true });
  });

  test.each([
    ['../outside.s', "the file is outside of the spec's folder"],
    ['/etc/passwd', "the file is outside of the spec's folder"],
    ['link.s', "the file is outside of the spec's folder"],
    ['nix.s', 'there is no file '],
    ['inner', 'is not a regular file'],
    ['large.s', 'has 1048577 bytes'],
  ])('%s is not', (written, message) => {
    expect(read(written)).toMatchObject({ ok: false, message: expect.stringContaining(message) });
  });
});
