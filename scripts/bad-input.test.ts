import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Folder, type Outcome, privstack } from './testing';

const folder = new Folder();
afterAll(() => folder.remove());

/** A line of an issue: `file:line:column  path: what`, or `file: place in an object: what`. */
const PLACE = /^[^:]+:(\d+:\d+ {2}| the | section )\S/;

interface Case {
  readonly what: string;
  /** Name and content of the file; without content there is no file. */
  readonly file: string;
  readonly content?: string | Uint8Array;
  readonly command?: 'jit' | 'exec';
  readonly options?: readonly string[];
  /** The one line that is printed, without the folder. */
  readonly says: RegExp;
}

const program = (body: string): string => `name: x\nprograms:\n  prog:\n    type: kprobe\n${body}`;
const asm = (...lines: string[]): string => program(`    asm: |\n${lines.map((line) => `      ${line}\n`).join('')}`);
const tree = (...lines: string[]): string => program(`    tree: |\n${lines.map((line) => `      ${line}\n`).join('')}`);

const OBJECT = Uint8Array.from(readFileSync(join(__dirname, '../harness/elf/testdata/chain.bpf.o')));

const CASES: readonly Case[] = [
  {
    what: 'unknown key',
    file: 'key.yaml',
    content: `${tree('main 8')}expcet: { retval: 0 }\n`,
    says: /^key\.yaml:7:1 {2}expcet: unknown key `expcet`, expected .*\(did you mean `expect`\?\)$/,
  },
  {
    what: 'unknown register',
    file: 'register.yaml',
    content: asm('main:', '  r12 = 1', '  exit'),
    says: /^register\.yaml:7:9 {2}programs\.prog\.asm: unknown register r12/,
  },
  {
    what: 'call of an unknown subprog',
    file: 'call.yaml',
    content: asm('main:', '  call sbu', '  exit', 'sub:', '  exit'),
    says: /^call\.yaml:7:14 {2}programs\.prog\.asm: .*`sbu`/,
  },
  {
    what: 'frame pointer term over an unknown name',
    file: 'term.yaml',
    content: `${tree('main 8')}expect:\n  frame_pointers:\n    subtree: { main: man_fp + 8 }\n`,
    says: /^term\.yaml:9:22 {2}expect\.frame_pointers\.subtree\.main: unknown subprog `man`.*`main`/,
  },
  {
    what: 'recursion in a tree',
    file: 'recursion.yaml',
    content: tree('main 8', '  sub 8', '    main'),
    says: /^recursion\.yaml:8:11 {2}programs\.prog\.tree: recursion: main -> sub -> main/,
  },
  {
    what: 'exception below a callback',
    file: 'callback.yaml',
    content: tree('main 8', '  bpf_loop 3', '    cb 8', '      bpf_throw'),
    says: /^callback\.yaml:9:13 {2}programs\.prog: bpf_throw cannot be called from callback subprog 1$/,
  },
  {
    what: 'recursion in assembly',
    file: 'recursion-asm.yaml',
    content: asm('main:', '  call sub', '  exit', 'sub:', '  call sub', '  exit'),
    says: /^recursion-asm\.yaml:10:9 {2}programs\.prog: recursive call: sub -> sub$/,
  },
  ...['kernel-stack', 'linux-6.18', 'subtree', 'unsaved'].map(
    (policy): Case => ({
      what: `frame of 520 under ${policy}`,
      file: `deep-${policy}.yaml`,
      content: asm('main:', '  *(u64 *)(r10 - 520) = 0', '  exit'),
      options: ['--policy', policy],
      says: /^deep-\S+\.yaml:7:9 {2}programs\.prog: frame of 520 bytes: the limit is 512$/,
    }),
  ),
  {
    what: 'frame of 520 in a tree',
    file: 'deep-tree.yaml',
    content: tree('main 8', '  sub 520'),
    says: /^deep-tree\.yaml:7:13 {2}programs\.prog\.tree: frame of 520 bytes: the limit is 512$/,
  },
  {
    what: 'YAML syntax error',
    file: 'syntax.yaml',
    content: 'name: x\nprograms: { prog: { type: kprobe, tree: main 8 }\n',
    says: /^syntax\.yaml:\d+:\d+ {2}YAML: /,
  },
  { what: 'missing file', file: 'missing.yaml', says: /^missing\.yaml:1:1 {2}no such file or directory$/ },
  {
    what: 'empty file',
    file: 'empty.yaml',
    content: '',
    says: /^empty\.yaml:1:1 {2}the file is empty, expected a spec$/,
  },
  {
    what: 'binary file',
    file: 'binary.yaml',
    content: Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, 0, 0, 0xff, 0xfe),
    says: /^binary\.yaml:1:1 {2}a binary file: it holds NUL bytes, expected YAML text$/,
  },
  {
    what: '10 MB file',
    file: 'large.yaml',
    content: `${tree('main 8')}${'# filler\n'.repeat(1_200_000)}`,
    says: /^large\.yaml:1:1 {2}the file has \d+ bytes, expected at most 1048576 bytes \(1 MiB\)$/,
  },
  {
    what: 'two specs of one name',
    file: 'twice.yaml',
    content: `${tree('main 8')}---\n${tree('main 8')}`,
    says: /^twice\.yaml:8:7 {2}name: a second spec named "x"; the first is at twice\.yaml:1:7$/,
  },
  {
    what: 'folder without specs',
    file: 'nothing-here',
    says: /^nothing-here:1:1 {2}the directory holds no specs, expected \*\.yaml or \*\.yml files$/,
  },
  {
    what: 'helper body in bad assembly, told once for all policies',
    file: 'body.yaml',
    content: `${tree('main 8', '  probe')}helpers:\n  probe:\n    asm: |\n      mov rax, 1\n      mov rax, rq\n      ret\n`,
    says: /^body\.yaml:12:16 {2}helpers\.probe\.asm: /,
  },
  {
    what: 'assembly: unknown register',
    command: 'jit',
    file: 'register.asm',
    content: 'r0 = 0\nr0 = r12\nexit\n',
    says: /^register\.asm:2:6 {2}unknown register r12/,
  },
  {
    what: 'assembly: recursion',
    command: 'jit',
    file: 'recursion.asm',
    content: 'main:\n  call main\n  exit\n',
    says: /^recursion\.asm:2:3 {2}recursive call: main -> main$/,
  },
  {
    what: 'assembly: frame of 520',
    command: 'jit',
    file: 'deep.asm',
    content: 'r0 = 0; *(u64 *)(r10 - 520) = 42; exit',
    says: /^deep\.asm:1:9 {2}frame of 520 bytes: the limit is 512$/,
  },
  {
    what: 'assembly: comments only',
    command: 'jit',
    file: 'empty.asm',
    content: '// nothing\n# at all\n',
    says: /^empty\.asm:1:1 {2}the file is empty, expected assembly, hex, a spec or a BPF object$/,
  },
  {
    what: 'assembly: binary file',
    command: 'jit',
    file: 'binary.asm',
    content: Uint8Array.of(0xff, 0xfe, 0x41),
    says: /^binary\.asm:1:1 {2}a binary file, expected assembly, hex, a spec or a BPF object$/,
  },
  {
    what: 'assembly: 10 MB file',
    command: 'jit',
    file: 'large.asm',
    content: 'a'.repeat(10_000_000),
    says: /^large\.asm:1:1 {2}the file has 10000000 bytes, expected at most 8388608 bytes \(8 MiB\)$/,
  },
  {
    what: 'hex: unknown opcode',
    command: 'jit',
    file: 'opcode.hex',
    content: '// r0 = 0\nb7 00 00 00 00 00 00 00\nff 00 00 00 00 00 00 00\n95 00 00 00 00 00 00 00\n',
    says: /^opcode\.hex:3:1 {2}.*unknown opcode 0xff$/,
  },
  {
    what: 'hex: half an instruction',
    command: 'jit',
    file: 'half.hex',
    content: 'b700000000000000950000',
    says: /^half\.hex:1:17 {2}.*the last instruction has 3 of 8 bytes$/,
  },
  {
    what: 'jit of a folder',
    command: 'jit',
    file: 'nothing-here',
    says: /^nothing-here:1:1 {2}a directory, expected /,
  },
  ...(['run', 'jit', 'exec'] as const).map(
    (command): Case => ({
      what: `${command} of an object that was cut off`,
      ...(command !== 'run' && { command }),
      file: `cut-${command}.bpf.o`,
      content: OBJECT.subarray(0, 2000),
      says: /^cut-\w+\.bpf\.o: the file \+ 0x7d0: the table of sections would end behind the last of the 2000 bytes$/,
    }),
  ),
  {
    what: 'an object with an instruction that there is not',
    file: 'opcode.bpf.o',
    content: OBJECT.slice().fill(0xff, 0x48, 0x49),
    says: /^opcode\.bpf\.o: section \.text \+ 0x8: .*unknown opcode 0xff \(\.\/chain\.bpf\.c:\d+: .*\)$/,
  },
  {
    what: 'an object without that section',
    file: 'section.bpf.o',
    content: OBJECT,
    options: ['--section', 'xdp'],
    says: /^section\.bpf\.o: section xdp: there is no such section of programs, expected kprobe\/do_nanosleep, tracepoint\//,
  },
  { what: 'jit of a missing file', command: 'jit', file: 'missing.asm', says: /^missing\.asm:1:1 {2}no such file$/ },
];

describe('bad input is told with its place, exit code 2', () => {
  let outcomes: readonly Outcome[] = [];

  beforeAll(async () => {
    mkdirSync(join(folder.path, 'nothing-here'));
    outcomes = await Promise.all(
      CASES.map(({ file, content, command, options = [] }) => {
        if (content !== undefined) folder.write(file, content);
        return privstack([command ?? 'run', file, ...options], { cwd: folder.path });
      }),
    );
  }, 60_000);

  test.each(CASES.map((each, at) => [each.what, at] as const))('%s', (_, at) => {
    const { code, out, err } = outcomes[at]!;
    expect(err).toMatch(PLACE);
    expect(err.trimEnd()).toMatch(CASES[at]!.says);
    expect(err.trimEnd().split('\n')).toHaveLength(1);
    expect({ code, out }).toEqual({ code: 2, out: '' });
  });
});
