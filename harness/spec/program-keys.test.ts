import { describe, expect, test } from '@jest/globals';
import { formatIssue } from './issues';
import { parseSpecText } from './load';
import { type LoweredSpec, lowerSpec } from './lower';

/** The spec, or what is wrong with it, as `line:column  path: ...`. */
function lower(text: string): LoweredSpec | string[] {
  const { specs, issues } = parseSpecText(`name: x\n${text}`, 'x.yaml');
  const lowered = specs.map((each) => lowerSpec(each, { policies: ['subtree', 'linux-6.18'] }));
  const all = [...issues, ...lowered.flatMap((each) => (each.ok ? [] : each.issues))];
  if (all.length > 0) return all.map((each) => formatIssue(each).replace(/^x\.yaml:/, ''));
  return lowered.flatMap((each) => (each.ok ? each.value : []))[0]!;
}

const GOOD = 'main: call sub; exit; .global catch; catch: r0 = r1; exit; sub: r0 = 0; exit';
const asm = (keys: string, text = GOOD) => `programs: { prog: { type: kprobe, ${keys}, asm: "${text}" } }\n`;

describe('callbacks of a program', () => {
  test.each<[string, string, unknown]>([
    [
      'declared',
      asm('exception_callback: catch, async_callbacks: [sub]'),
      { exceptionCallback: 1, asyncCallbacks: [2] },
    ],
    [
      'handed to a timer or a work queue',
      asm(
        'async_callbacks: [wq]',
        'r2 = cb ll; call bpf_timer_set_callback; r2 = wq ll; call bpf_wq_set_callback_impl; exit; cb: exit; wq: exit',
      ),
      { asyncCallbacks: [2, 1] },
    ],
  ])('%s', (_, text, callbacks) => {
    expect(lower(text)).toMatchObject({ programs: [callbacks] });
  });

  const SHAPE = 'exception callback must be a global function taking a single integer argument';
  test.each([
    [
      'exception_callback: cach',
      '2:55  programs.prog.exception_callback: unknown subprog `cach`, expected catch or sub (did you mean `catch`?)',
    ],
    [
      'exception_callback: main',
      '2:55  programs.prog.exception_callback: main is the main subprog, expected another subprog',
    ],
    [
      'exception_callback: sub',
      `2:55  programs.prog.exception_callback: ${SHAPE}, expected \`.global sub\` in the assembly, or the flag \`exception_callback\` in the tree`,
    ],
    [
      'async_callbacks: [sub, main]',
      '2:58  programs.prog.async_callbacks[1]: main is the main subprog, expected another subprog',
    ],
    [
      'exception_callback: catch, async_callbacks: [catch]',
      '2:80  programs.prog.async_callbacks[0]: catch is the exception callback, expected another subprog',
    ],
  ])('%s', (keys, issue) => {
    expect(lower(asm(keys))).toEqual([issue]);
  });

  test.each<[string, number | undefined]>([
    ['r0 = r1', undefined],
    ['r0 = r2', 2],
    ['r3 += 1; r0 = 0', 3],
    ['r2 = 5; r1 += r2; r0 = r1', undefined],
    ['if r4 == 0 goto done; done: r0 = 0', 4],
    ['*(u64 *)(r10 - 8) = r5; r0 = 0', 5],
    ['r0 = *(u64 *)(r2 + 0)', 2],
    ['call bpf_ktime_get_ns; r0 = 0', undefined],
  ])('takes one argument: %s', (body, register) => {
    const issues = lower(asm('exception_callback: catch', `main: exit; .global catch; catch: ${body}; exit`));
    const issue = `2:55  programs.prog.exception_callback: ${SHAPE}, expected catch to take r1 alone; it reads r${register}`;
    if (register === undefined) expect(issues).toMatchObject({ programs: [{ exceptionCallback: 1 }] });
    else expect(issues).toEqual([issue]);
  });
});

describe('a function that is handed to a helper', () => {
  const handed = (helper: string, callback: string, rest = '') =>
    asm('attach_type: none', `main: r2 = cb ll; call ${helper}; exit; ${rest}cb: ${callback}; r0 = 0; exit`);

  test.each([
    ['bpf_loop', 'r0 = r2', 'r0 = r3', 'r1 to r2; cb reads r3'],
    ['bpf_timer_set_callback', 'r0 = r3', 'r0 = r4', 'r1 to r3; cb reads r4'],
    ['bpf_for_each_map_elem', 'r0 = r4', 'r0 = r5', 'r1 to r4; cb reads r5'],
  ])('%s gives it so many arguments', (helper, good, bad, what) => {
    expect(lower(handed(helper, good))).toMatchObject({ name: 'x' });
    expect(lower(handed(helper, bad))).toEqual([
      expect.stringMatching(`programs.prog: R\\d !read_ok, expected a callback of ${helper} to take ${what}$`),
    ]);
  });

  test('is static', () => {
    expect(lower(handed('bpf_loop', 'r0 = r1', '.global cb; '))).toEqual([
      expect.stringMatching(/callback function not static, expected cb not to be global$/),
    ]);
  });
});

describe('what an extension is aware of', () => {
  const spec = (type: string, of: string) => `programs:
  prog: { type: kprobe, tree: "main 8 global\\n  sub 8\\n  top 8 global" }
  ext: { type: ${type}, aware_of: ${of}, tree: "ext_main 8\\n  own 8 global" }
`;
  test('a global subprog of another program', () => {
    const target = { program: 'prog', subprog: 'top' };
    expect(lower(spec('ext', 'prog.top'))).toMatchObject({ programs: [{}, { awareOf: target }] });
  });

  test.each([
    ['ext', 'tpo', 'unknown subprog `tpo`, expected main, sub, top, ext_main or own (did you mean `top`?)'],
    ['ext', 'sub', 'sub is not a global function, expected a subprog that is declared global'],
    ['ext', 'main', 'main is not a global function, expected a subprog that is declared global'],
    ['ext', 'own', 'own is its own, expected a subprog of another program'],
    ['kprobe', 'top', 'a program of type kprobe extends nothing, expected type ext'],
  ])('%s of %s', (type, of, issue) => {
    expect(lower(spec(type, of))).toEqual([expect.stringMatching(/^4:\d+ {2}programs\.ext\.aware_of: /)]);
    expect(lower(spec(type, of))).toEqual([expect.stringContaining(issue)]);
  });
});

describe('private stacks that a member asks for', () => {
  const spec = (type: string, asked: boolean) =>
    `programs: { prog: { type: ${type}, priv_stack_requested: ${asked}, tree: main 64 } }\n`;

  test('of a struct_ops program', () => {
    expect(lower(spec('struct_ops', true))).toMatchObject({ programs: [{ privStackRequested: true }] });
    expect(lower(spec('struct_ops', false))).toMatchObject({ programs: [{ type: 'struct_ops' }] });
  });

  test('of any other program', () => {
    expect(lower(spec('kprobe', true))).toEqual([
      '2:35  programs.prog.priv_stack_requested: a program of type kprobe has no member that could ask, expected type struct_ops',
    ]);
  });
});

describe('arrays of programs', () => {
  const CALL = 'r2 = map[jmp] ll; r3 = 0; call bpf_tail_call; r0 = 0; exit';
  const spec = (map: string, keys = 'type: kprobe') => `programs:
  prog: { type: kprobe, asm: "${CALL}" }
  prog2: { ${keys}, asm: "main2: r0 = 0; exit" }
maps: { jmp: { ${map} } }
`;
  test('a program for each index', () => {
    expect(lower(spec('prog_array: { 0: prog2, 3: prog }'))).toMatchObject({
      maps: [
        {
          name: 'jmp',
          size: 0,
          init: new Uint8Array(0),
          programs: {
            entries: 4,
            slots: new Map([
              [0, 'prog2'],
              [3, 'prog'],
            ]),
          },
        },
      ],
    });
    expect(lower(spec('prog_array: {}, entries: 7'))).toMatchObject({ maps: [{ programs: { entries: 7 } }] });
  });

  test.each([
    [
      spec('prog_array: { 4: prog2 }, entries: 4'),
      '5:30  maps.jmp.prog_array.4: index 4 is out of range, expected 0 to 3',
    ],
    [
      spec('prog_array: { 0: prg2 }'),
      '5:33  maps.jmp.prog_array.0: unknown program `prg2`, expected prog or prog2 (did you mean `prog2`?)',
    ],
    [
      spec('prog_array: { 0: prog2 }', 'type: tracepoint'),
      '5:33  maps.jmp.prog_array.0: a tail call from kprobe to tracepoint, expected a program of type kprobe, as prog is',
    ],
    [
      spec('prog_array: { 0: prog2 }', 'type: ext'),
      '5:33  maps.jmp.prog_array.0: a tail call into an extension, expected a program of another type',
    ],
    [spec('prog_array: {}, size: 8'), '5:32  maps.jmp.size: an array of programs has no bytes, expected no `size`'],
    [spec('prog_array: {}, init: "00"'), '5:32  maps.jmp.init: an array of programs has no bytes, expected no `init`'],
    [
      spec('entries: 3, size: 4'),
      '5:16  maps.jmp.entries: a map of one value has no entries, expected `prog_array` beside it',
    ],
    [spec('init: ""'), '5:14  maps.jmp: `size` is missing, expected `size` or `prog_array`'],
    [spec('prog_array: { x: prog2 }'), '5:30  maps.jmp.prog_array.x: not a valid key, expected an index'],
  ])('%#', (text, issue) => {
    expect(lower(text)).toEqual([issue]);
  });
});

describe('claims', () => {
  const claim = (premise: string) => `programs: { prog: { type: kprobe, tree: main 8 } }
claim: { id: C1, statement: s, source: { message: m, claim: c }, property: p, ${premise} }
`;
  test('a premise lists what choices may be', () => {
    expect(
      lower(claim('premise: { block: subtree, compute: [callee-add, caller-add], wraps: [helper, throw] }')),
    ).toMatchObject({
      claim: {
        id: 'C1',
        source: { message: 'm', claim: 'c' },
        premise: { block: ['subtree'], compute: ['callee-add', 'caller-add'], wraps: ['helper', 'throw'] },
      },
    });
    expect(lower(claim('premise: { register: rbp, private: [main] }'))).toMatchObject({
      claim: { premise: { register: ['rbp'], private: [{ program: 'prog', subprog: 'main' }] } },
    });
    const open = lower(claim('')) as LoweredSpec;
    expect(open.claim).toEqual({
      id: 'C1',
      statement: 's',
      source: { message: 'm', claim: 'c' },
      property: 'p',
      premise: {},
    });
  });

  test.each([
    [
      'premise: { wraps: [helpr] }',
      'claim.premise.wraps[0]: "helpr", expected subprog, helper, kfunc or throw (did you mean `helper`?)',
    ],
    ['premise: { block: tree }', 'claim.premise.block: "tree", expected none, function or subtree'],
    ['premise: { register: r20 }', 'claim.premise.register: "r20"'],
    ['premise: { private: [sub] }', 'claim.premise.private[0]: unknown subprog `sub`, expected main'],
    ['premise: { blok: none }', 'claim.premise.blok: unknown key `blok`'],
    ['proprty: x', 'claim.proprty: unknown key `proprty`'],
  ])('%s', (premise, issue) => {
    expect(lower(claim(premise))).toEqual([expect.stringContaining(issue)]);
  });

  test('a source is a message and a claim in it', () => {
    expect(lower(claim('').replace('message: m, ', ''))).toEqual([
      '3:40  claim.source: `message` is missing, expected text',
    ]);
  });
});

describe('all policies', () => {
  const spec = (policies: string) => `programs: { prog: { type: kprobe, tree: main 8 } }\npolicies: ${policies}\n`;
  const policiesOf = (text: string) =>
    (lower(text) as LoweredSpec).cases.map(({ policy }) => (typeof policy === 'string' ? policy : policy.name));

  test('are those with a name, with others beside them', () => {
    expect(policiesOf(spec('all'))).toEqual(['subtree', 'linux-6.18']);
    expect(policiesOf(spec('[all, { name: mine, block: none }]'))).toEqual(['subtree', 'linux-6.18', 'mine']);
  });

  test.each([
    ['[all, subtree]', '3:17  policies[1]: the policy `subtree` is listed twice'],
    [
      '[{ name: all, block: none }]',
      '3:20  policies[0].name: `all` stands for all policies, expected a name of its own',
    ],
    ['alle', '3:11  policies: "alle", expected all (did you mean `all`?)'],
  ])('%s', (policies, issue) => {
    expect(lower(spec(policies))).toEqual([issue]);
  });
});
