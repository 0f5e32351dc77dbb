import { describe, expect, test } from '@jest/globals';
import { programErrors } from '../../jit';
import { formatIssue } from './issues';
import { parseSpecText } from './load';
import { type LoweredSpec, lowerSpec } from './lower';

/** The spec, or what is wrong with it, as `line:column  path: ...`. */
function lower(text: string): LoweredSpec | string[] {
  const { specs, issues } = parseSpecText(text, 'x.yaml');
  const analyse = (each: Parameters<typeof programErrors>[1] & { program: Parameters<typeof programErrors>[0] }) =>
    programErrors(each.program, each);
  const lowered = specs.map((each) => lowerSpec(each, { policies: ['subtree'], analyse }));
  const all = [...issues, ...lowered.flatMap((each) => (each.ok ? [] : each.issues))];
  if (all.length > 0) return all.map((each) => formatIssue(each).replace(/^x\.yaml:/, ''));
  return lowered.flatMap((each) => (each.ok ? each.value : []))[0]!;
}

/** A spec whose tree begins in line 6, at column 7. */
const tree = (text: string, keys = ''): string =>
  `name: x\nprograms:\n  prog:\n    type: tracepoint\n    tree: |\n${text.replace(/^/gm, '      ')}\n${keys}`;
const doing = (event: string): string => `scenarios: { s: { do: [${event}] } }\n`;

describe('trees that throw and are called back', () => {
  test('what they are lowered to', () => {
    const text = tree(
      'main 8\n  sub 8\n    bpf_throw\n  bpf_timer_set_callback\n    cb 8\ncatch 8 exception_callback\nlater 8 async',
      `maps: { m: { size: 4 } }\n${doing('{ throw: "0xffffffffffffffff", in: sub, call: 2 }, { fire: later }, { fire: cb }')}`,
    );
    expect(lower(text)).toMatchObject({
      programs: [
        {
          exceptionCallback: 3,
          asyncCallbacks: [4, 2],
          throws: [{ subprog: 1, map: 'prog.throws', offset: 0 }],
          program: { maps: ['m', 'prog.throws', 'prog.timer', 'prog.lost'] },
        },
      ],
      maps: [
        { name: 'm' },
        { name: 'prog.throws', size: 16 },
        { name: 'prog.timer', size: 16 },
        { name: 'prog.lost', size: 8 },
      ],
      cases: [
        {
          scenario: {
            events: [
              { kind: 'throw', cookie: 2n ** 64n - 1n, target: { program: 'prog', subprog: 'sub' }, nth: 2 },
              { kind: 'fire', callback: { program: 'prog', subprog: 'later' } },
              { kind: 'fire', callback: { program: 'prog', subprog: 'cb' } },
            ],
          },
        },
      ],
    });
  });

  const CALLBACK = 'programs.prog: bpf_throw cannot be called from callback subprog';
  test.each<[string, string, string]>([
    ['a callback that throws', tree('main 8\n  bpf_loop 3\n    cb 8\n      bpf_throw'), `9:13  ${CALLBACK} 1`],
    [
      'a throw below a callback',
      tree('main 8\n  bpf_loop\n    cb 8\n      sub 8\n        bpf_throw'),
      `10:15  ${CALLBACK} 2 (cb leads to it)`,
    ],
    [
      'a throw below one that runs later',
      tree('main 8\n  bpf_timer_set_callback\n    cb 8\n      bpf_throw'),
      `9:13  ${CALLBACK} 1`,
    ],
    [
      'an exception callback that throws',
      tree('main 8\n  bpf_throw\ncatch 8 exception_callback\n  bpf_throw'),
      `9:9  ${CALLBACK} 1`,
    ],
    [
      'an exception callback that is called',
      tree('main 8\n  catch 8 exception_callback'),
      '7:9  programs.prog.tree: `catch` is `exception_callback`, and called here, expected the indentation of the main subprog',
    ],
    [
      'the same in assembly',
      'name: x\nprograms:\n  prog:\n    type: kprobe\n    asm: |\n      r2 = cb ll\n      call bpf_loop\n      exit\n      cb:\n      call bpf_throw\n      exit\n',
      `10:7  ${CALLBACK} 1`,
    ],
    [
      'a direct call of an exception callback',
      'name: x\nprograms:\n  prog:\n    type: kprobe\n    exception_callback: cb\n    asm: |\n      .global cb\n      call cb\n      exit\n      cb:\n      r0 = r1\n      exit\n',
      '8:7  programs.prog: cannot call exception cb directly',
    ],
    [
      'two exception callbacks',
      tree('main 8\n  sub 8 global\ncatch 8 exception_callback', '    exception_callback: sub\n'),
      '9:25  programs.prog.exception_callback: the tree flags `catch` as the exception callback, expected one exception callback',
    ],
    [
      'nothing to go over',
      tree('main 8\n  bpf_for_each_map_elem\n    cb 8'),
      '7:9  programs.prog.tree: there is no map to go over, expected one in `maps`',
    ],
    [
      'a map whose name is taken',
      tree('main 8\n  bpf_throw', 'maps: { prog.throws: { size: 8 } }\n'),
      '8:9  maps."prog.throws": a tree needs a map `prog.throws` for itself, expected another name',
    ],
    [
      'a throw where none is',
      tree('main 8\n  sub 8\n  bpf_throw', doing('{ throw: 1, in: sub }')),
      '9:40  scenarios.s.do[0].in: sub has no `bpf_throw`, expected main',
    ],
    [
      'a throw of a tree that has none',
      tree('main 8', doing('{ throw: 1, in: main }')),
      '7:40  scenarios.s.do[0].in: main has no `bpf_throw`, expected a subprog of a tree that has a line `bpf_throw`',
    ],
    [
      'a throw of assembly',
      `name: x\nprograms: { prog: { type: kprobe, asm: "call bpf_throw; exit" } }\n${doing('{ throw: 1, in: main }')}`,
      '3:40  scenarios.s.do[0].in: what is not generated from a tree throws by itself, expected a subprog of a tree that has a line `bpf_throw`',
    ],
    [
      'a throw without a cookie',
      tree('main 8\n  bpf_throw', doing('{ throw: x, in: main }')),
      '8:33  scenarios.s.do[0].throw: "x", expected a decimal or 0x number',
    ],
    [
      'a callback that is none',
      tree('main 8\n  sub 8', doing('{ fire: sub }')),
      '8:32  scenarios.s.do[0].fire: sub is no async callback of prog, expected a subprog that is handed to a timer, or is in `async_callbacks`',
    ],
    [
      'a callback of a loop',
      tree('main 8\n  bpf_loop\n    cb 8', doing('{ fire: cb }')),
      '9:32  scenarios.s.do[0].fire: cb is no async callback of prog, expected a subprog that is handed to a timer, or is in `async_callbacks`',
    ],
  ])('%s', (_, text, issue) => {
    expect(lower(text)).toEqual([issue]);
  });
});
