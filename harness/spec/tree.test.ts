import { describe, expect, test } from '@jest/globals';
import { parseTree } from './tree';
import { kernelNames } from './tree-run.fixture';

const parse = (text: string, depths?: ReadonlyMap<string, number>) =>
  parseTree(text, { kernelNames, ...(depths && { depths }) });

const TREE = `\
main 120                # the main subprog
  first 64 global
    bpf_ktime_get_ns

      // a comment of any indentation
    bpf_ktime_get_ns
  second 160
    first
    third 0
  third
`;

test('indentation is call nesting', () => {
  const tree = parse(TREE);
  if (!tree.ok) throw new Error(JSON.stringify(tree.errors));
  const shown = tree.subprogs.map(({ name, depth, flags, calls }) => [
    `${name} ${depth} ${[...flags].join()}`,
    calls.map((call) => `${call.line}:${call.column} ${call.kind} ${call.callee}`),
  ]);
  expect(shown).toEqual([
    ['main 120 ', ['2:3 subprog first', '7:3 subprog second', '10:3 subprog third']],
    ['first 64 global', ['3:5 kernel bpf_ktime_get_ns', '6:5 kernel bpf_ktime_get_ns']],
    ['second 160 ', ['8:5 subprog first', '9:5 subprog third']],
    ['third 0 ', []],
  ]);
});

test('a sweep replaces depths', () => {
  expect(parse(TREE, new Map([['third', 49]]))).toMatchObject({ ok: true, subprogs: [{}, {}, {}, { depth: 49 }] });
});

test('a helper has its callback below it, and what nothing calls stands beside the main subprog', () => {
  const tree = parse(`main 8
  bpf_loop 3
    cb 64
      bpf_ktime_get_ns
  bpf_timer_set_callback
    again 8
      bpf_timer_set_callback
        again
  bpf_loop          # once
    cb
catch 8 exception_callback
  cb
fired 0 async global
`);
  if (!tree.ok) throw new Error(JSON.stringify(tree.errors));
  const shown = tree.subprogs.map(({ name, flags, calls }) => [
    [name, ...flags].join(' '),
    calls.map(({ callee, callback = '', rounds = '' }) => `${callee} ${callback} ${rounds}`.trim()),
  ]);
  expect(shown).toEqual([
    ['main', ['bpf_loop cb 3', 'bpf_timer_set_callback again 1', 'bpf_loop cb 1']],
    ['cb', ['bpf_ktime_get_ns']],
    ['again', ['bpf_timer_set_callback again 1']],
    ['catch exception_callback', ['cb']],
    ['fired async global', []],
  ]);
});

describe('errors', () => {
  test.each([
    ['', '1:1', 'the tree is empty', undefined],
    ['# nothing', '1:1', 'the tree is empty', undefined],
    ['main', '1:1', 'the main subprog has no depth', undefined],
    ['main 8\nother 8', '2:1', 'a second main subprog', undefined],
    ['main 8\n  sub 520', '2:7', 'frame of 520 bytes: the limit is 512', undefined],
    ['main 8\n  sub -8', '2:7', '`-8` is no depth', undefined],
    ['main 8 globl', '1:8', 'unknown flag `globl`', 'global'],
    ['main 8\n  sub 8\n    main', '3:5', 'recursion: main -> sub -> main', undefined],
    ['main 8\n  sub 8\n    sub', '3:5', 'recursion: sub -> sub', undefined],
    ['main 8\n    sub 8\n  bad 8', '3:3', 'the indentation matches no line above', undefined],
    ['main 8\n\tsub 8', '2:1', 'a tab in the indentation', undefined],
    ['main 8\n  bpf_ktime_get_n', '2:3', 'unknown name `bpf_ktime_get_n`', 'bpf_ktime_get_ns'],
    ['main 8\n  sub 8\n  sbu', '3:3', 'unknown name `sbu`', 'sub'],
    ['main 8\n  later\n  later 8', '2:3', 'unknown name `later`', undefined],
    ['main 8\n  bpf_throw 8', '2:3', '`bpf_throw` is a helper or kfunc and has no depth', undefined],
    ['main 8\n  bpf_throw\n    sub 8', '3:5', 'a call below a line that defines no subprog', undefined],
    ['main 8\n  sub 8\n  sub 16', '3:3', '`sub` is defined already, in line 2 of the tree', undefined],
    ['main 8\n  bpf_loop', '2:3', 'bpf_loop takes a callback', undefined],
    ['main 8\n  bpf_loop 3 4\n    cb 8', '2:14', '`4` behind bpf_loop', undefined],
    ['main 8\n  bpf_loop x\n    cb 8', '2:12', '`x`', undefined],
    ['main 8\n  bpf_loop 8388609\n    cb 8', '2:12', '`8388609`', undefined],
    ['main 8\n  bpf_timer_set_callback 2\n    cb 8', '2:26', '`2` behind bpf_timer_set_callback', undefined],
    ['main 8\n  bpf_loop\n    cb 8\n    cb', '4:5', 'a second callback of bpf_loop', undefined],
    ['main 8\n  bpf_loop\n    main', '3:5', 'recursion: main -> main', undefined],
    [
      'main 8\ncatch 8 exception_callback\nagain 8 exception_callback',
      '3:1',
      'a second exception callback beside `catch`',
      undefined,
    ],
    ['main 8\n  sub 8 async', '2:3', '`sub` is `async`, and called here', undefined],
    ['main 8 exception_callback', '1:1', 'the main subprog cannot be `exception_callback`', undefined],
    ['main 8\nbpf_throw', '2:1', 'a call of `bpf_throw` outside of any subprog', undefined],
    ['main 8\n  a.b 16', '2:3', '`a.b` is no name for a subprog', undefined],
  ])('%j', (text, place, message, suggestion) => {
    const tree = parse(text);
    const errors = tree.ok ? [] : tree.errors;
    expect(errors.map((each) => [`${each.line}:${each.column}`, each.message, each.suggestion])).toEqual([
      [place, message, suggestion],
    ]);
  });

  test('a helper as a callback', () => {
    const tree = parse('main 8\n  bpf_loop\n    bpf_ktime_get_ns\n');
    expect(tree.ok ? [] : tree.errors.map(({ line, message }) => `${line} ${message}`)).toEqual([
      '3 `bpf_ktime_get_ns` cannot be a callback of bpf_loop',
    ]);
  });

  test('all are reported', () => {
    const tree = parse('main 600\n  sub x\n    nobody\n  main\n');
    expect(tree.ok ? [] : tree.errors.map(({ line }) => line)).toEqual([1, 2, 3, 4]);
  });
});
