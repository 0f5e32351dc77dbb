import { describe, expect, test } from '@jest/globals';
import { formatIssue } from './issues';
import { parseSpecText } from './load';
import { lowerSpec } from './lower';
import type { Analyse } from './programs';

const POLICIES = ['kernel-stack', 'linux-6.18', 'subtree', 'unsaved'];

/** What is wrong with a text that has the shape of a spec, as `file:line:column  path: ...`. */
function issuesOf(text: string, analyse?: Analyse): string[] {
  const { specs, issues } = parseSpecText(text, 'x.yaml');
  if (issues.length > 0) return issues.map(formatIssue);
  const lowered = lowerSpec(specs[0]!, { policies: POLICIES, ...(analyse && { analyse }) });
  return lowered.ok ? [] : lowered.issues.map(formatIssue);
}

const program = (body = 'tree: main 8'): string => `name: x\nprograms: { prog: { type: kprobe, ${body} } }\n`;

describe('what names mean, and what fits together', () => {
  const ASM = '"main: r0 = 0; call sub; exit; sub: r0 = 1; exit"';

  test.each([
    [
      'unknown register',
      program('asm: "r1 = 5; *(u64 *)(r10 - 8) = r12; exit"'),
      [/^2:\d+ {2}programs\.prog\.asm: .*r12/],
    ],
    [
      'call of an unknown subprog',
      program('asm: "call submarine; exit"'),
      [/^2:46 {2}programs\.prog\.asm: .*submarine/],
    ],
    ['unknown map', program('asm: "r1 = map[m]; exit"'), [/^2:\d+ {2}programs\.prog\.asm: .*`m`/]],
    [
      'no body',
      'name: x\nprograms: { prog: { type: kprobe } }\n',
      [/^2:19 {2}programs\.prog: the program has no body, expected tree, asm, hex, file or image$/],
    ],
    [
      'two bodies',
      program('tree: main 8, asm: exit'),
      [/^2:49 {2}programs\.prog\.asm: a second body beside `tree`, expected one body$/],
    ],
    [
      'a body that is reserved',
      program('image: a.json'),
      [/^2:35 {2}programs\.prog\.image: an image is run, not compiled, expected tree, asm, hex or file$/],
    ],
    ['no program', 'name: x\nprograms: {}\n', [/^2:11 {2}programs: there is no program, expected at least one$/]],
    [
      'a bad name',
      'name: x\nprograms: { a.b: { type: kprobe, tree: main 8 } }\n',
      [/^2:13 {2}programs\."a\.b": `a\.b` is no name for a program/],
    ],
    [
      'frame of 520',
      program('tree: main 520'),
      [/^2:46 {2}programs\.prog\.tree: frame of 520 bytes: the limit is 512$/],
    ],
    ['recursion', program('tree: "main 8\\n  main"'), [/^2:41 {2}programs\.prog\.tree: recursion: main -> main/]],
    [
      'unknown policy',
      `${program()}policies: [linux-6.19]\n`,
      [/^3:12 {2}policies\[0\]: unknown policy `linux-6\.19`.*\(did you mean `linux-6\.18`\?\)$/],
    ],
    [
      'a policy that is listed twice',
      `${program()}policies: [subtree, subtree]\n`,
      [/^3:21 {2}policies\[1\]: the policy `subtree` is listed twice$/],
    ],
    [
      'an inline policy with a name that is taken',
      `${program()}policies: [{ name: unsaved, block: none }]\n`,
      [/^3:20 {2}policies\[0\]\.name: `unsaved` is the name of a known policy/],
    ],
    [
      'unknown program of an event',
      `${program()}scenarios: { s: { do: [{ run: prg }] } }\n`,
      [/^3:31 {2}scenarios\.s\.do\[0\]\.run: unknown program `prg`, expected prog \(did you mean `prog`\?\)$/],
    ],
    [
      'unknown scenario',
      `${program()}expect: { scenarios: { throw: {} } }\n`,
      [/^3:24 {2}expect\.scenarios\.throw: unknown scenario `throw`, expected plain$/],
    ],
    [
      'unknown policy under expect',
      `${program()}expect: { policies: { unsave: {} } }\n`,
      [/^3:23 {2}expect\.policies\.unsave: unknown policy.*`unsaved`\?\)$/],
    ],
    [
      'unknown policy of frame pointers',
      `${program()}expect: { frame_pointers: { subtre: {} } }\n`,
      [/^3:29 {2}expect\.frame_pointers\.subtre: unknown policy/],
    ],
    [
      'unknown policy of a listing',
      `${program()}expect: { jited: { subtre: x } }\n`,
      [/^3:20 {2}expect\.jited\.subtre: unknown policy/],
    ],
    [
      'unknown subprog',
      `${program()}expect: { frame_pointers: { subtree: { man: 5 } } }\n`,
      [
        /^3:40 {2}expect\.frame_pointers\.subtree\.man: unknown subprog `man`, expected main \(did you mean `main`\?\)$/,
      ],
    ],
    [
      'unknown name in a term',
      `${program()}expect: { frame_pointers: { subtree: { main: 8 + man_fp } } }\n`,
      [/^3:50 {2}expect\.frame_pointers\.subtree\.main: unknown subprog `man`, .*`main`\?\)$/],
    ],
    [
      'the same expectation twice',
      `${program()}expect: { frame_pointers: { subtree: {} }, policies: { subtree: { frame_pointers: {} } } }\n`,
      [/^3:29 {2}expect\.frame_pointers\.subtree: stands under `policies\.subtree` too/],
    ],
    [
      'two verdicts',
      `${program()}expect: { fails: retval, refused: x }\n`,
      [/^3:26 {2}expect\.refused: `fails` is declared already, expected one verdict$/],
    ],
    [
      'verdicts that contradict',
      `${program()}expect: { verdict: holds, fails: retval }\n`,
      [/^3:27 {2}expect\.fails: contradicts `verdict: holds`/],
    ],
    [
      'a place without a failure',
      `${program()}expect: { first: main pc 0 }\n`,
      [/^3:11 {2}expect\.first: `first` describes a failure, expected `fails: <check>` beside it$/],
    ],
    [
      'a pc that there is not',
      `${program()}expect: { fails: retval, first: main pc 9 }\n`,
      [/^3:33 {2}expect\.first: no instruction at pc 9 of main, expected the start of an instruction, 0 to 2$/],
    ],
    [
      'a call that there is not',
      `${program(`asm: ${ASM}`)}expect: { fails: retval, first: after call sbu in main }\n`,
      [/^3:33 {2}expect\.first: main does not call sbu, expected sub \(did you mean `sub`\?\)$/],
    ],
    [
      'a call that is made too seldom',
      `${program(`asm: ${ASM}`)}expect: { fails: retval, first: after call 2 of sub in main }\n`,
      [/^3:33 {2}expect\.first: main calls sub in 1 places, expected at most 1/],
    ],
    [
      'unknown memory',
      `${program()}expect: { memory: { mp: "00" } }\n`,
      [/^3:21 {2}expect\.memory\.mp: unknown map `mp`, expected ctx$/],
    ],
    [
      'too much memory',
      `${program()}context: 1\nexpect: { memory: { ctx: "0000" } }\n`,
      [/^4:26 {2}expect\.memory\.ctx: 2 bytes, expected at most the 1 of ctx$/],
    ],
    [
      'a clobber that has no value yet',
      `${program()}clobbers: { bpf_ktime_get_ns: [{ r9: kernel_stack(main) }] }\n`,
      [
        /^3:38 {2}clobbers\.bpf_ktime_get_ns\[0\]\.r9: `kernel_stack\(\)` has no value while the program runs, expected/,
      ],
    ],
    [
      'clobber of an unknown helper',
      `${program()}clobbers: { bpf_ktime_get_n: [] }\n`,
      [/^3:13 {2}clobbers\.bpf_ktime_get_n: unknown helper or kfunc.*\(did you mean `bpf_ktime_get_ns`\?\)$/],
    ],
    [
      'calls backwards',
      `${program()}clobbers: { bpf_ktime_get_ns: [{ call: 3..1 }] }\n`,
      [/^3:40 {2}clobbers\.bpf_ktime_get_ns\[0\]\.call: the range 3\.\.1 runs backwards, expected "1\.\.3"$/],
    ],
    [
      'a call 0',
      `${program()}clobbers: { bpf_ktime_get_ns: [{ call: 0.. }] }\n`,
      [/^3:40 {2}.*: calls are counted from 1, expected "1\.\."$/],
    ],
    [
      'a body that also returns',
      `${program()}helpers: { f: { asm: ret, returns: 1 } }\n`,
      [/^3:27 {2}helpers\.f\.returns: a body in assembly returns what it leaves in rax/],
    ],
    [
      'too much for a map',
      `${program()}maps: { m: { size: 1, init: "0000" } }\n`,
      [/^3:29 {2}maps\.m\.init: 2 bytes, expected at most the map's 1$/],
    ],
    [
      'half a page of an arena',
      `${program()}maps: { m: { arena: true, size: 2048 } }\n`,
      [/^3:\d+ {2}maps\.m\.size: 2048 bytes of an arena, expected a multiple of 4096$/],
    ],
    [
      'two arenas',
      `${program()}maps: { m: { arena: true, size: 4096 }, n: { arena: true, size: 4096 } }\n`,
      [/^3:\d+ {2}maps\.n: a second arena, expected one in a spec$/],
    ],
    ['a map named ctx', `${program()}maps: { ctx: { size: 1 } }\n`, [/^3:9 {2}maps\.ctx: a map cannot be named ctx/]],
  ])('%s', (_, text, patterns) => {
    const issues = issuesOf(text);
    expect(issues).toHaveLength(patterns.length);
    patterns.forEach((pattern, at) => {
      expect(issues[at]!.replace('x.yaml:', '')).toMatch(pattern);
    });
  });

  test('what an analysis finds is told at the instruction', () => {
    const text = program('asm: "r1 = 5 ll; call sub; exit; sub: r0 = 1; exit"');
    const analyse: Analyse = ({ program }) => [
      { subprog: 0, pc: 2, message: `${program.name} recurses` },
      { subprog: 1, pc: 99, message: 'too deep' },
    ];
    expect(issuesOf(text, analyse)).toEqual([
      'x.yaml:2:52  programs.prog: prog recurses',
      'x.yaml:2:73  programs.prog: too deep',
    ]);
  });
});

describe('sweeps of depths', () => {
  test.each([
    ['depth(nobody): [8]', '3:10  sweep.depth(nobody): unknown subprog `nobody`, expected main'],
    ['depth(other.main): [8]', '3:10  sweep.depth(other.main): unknown subprog `other.main`, expected main'],
  ])('%s', (sweep, issue) => {
    expect(issuesOf(`${program()}sweep: { ${sweep} }\n`)).toEqual([`x.yaml:${issue}`]);
  });

  test('of a body in assembly', () => {
    expect(issuesOf(`${program('asm: "main: r0 = 0; exit"')}sweep: { depth(main): [8] }\n`)).toEqual([
      'x.yaml:3:10  sweep.depth(main): the depth of main follows from its assembly, expected a subprog of a tree',
    ]);
  });
});
