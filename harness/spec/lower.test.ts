import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { formatIssue } from './issues';
import { parseSpecText } from './load';
import { type LoweredSpec, lowerSpec } from './lower';

const POLICIES = ['kernel-stack', 'linux-6.18', 'linux-6.18-fixed', 'subtree', 'callee-adjust', 'unsaved'];

function lower(text: string): LoweredSpec[] {
  const { specs, issues } = parseSpecText(text, 'x.yaml');
  expect(issues.map(formatIssue)).toEqual([]);
  const lowered = lowerSpec(specs[0]!, { policies: POLICIES });
  if (!lowered.ok) throw new Error(lowered.issues.map(formatIssue).join('\n'));
  return lowered.value;
}

const testdata = (name: string): string => readFileSync(join(__dirname, 'testdata', name), 'utf8');
const shown = ({ cases }: LoweredSpec): string[] =>
  cases.map((each) => `${each.scenario.name} / ${typeof each.policy === 'string' ? each.policy : each.policy.name}`);

describe('a nested call', () => {
  const [spec] = lower(testdata('nested-call.yaml'));

  test('runs under the policies that are listed, and those that are named', () => {
    expect(shown(spec!)).toEqual(['plain / kernel-stack', 'plain / linux-6.18', 'plain / subtree', 'plain / unsaved']);
  });

  test('each instruction has its line', () => {
    const lines = testdata('nested-call.yaml').split('\n');
    const [program] = spec!.programs;
    const texts = program!.sources.map((each) => each.map(({ line, column }) => lines[line - 1]!.slice(column - 1)));
    expect(texts).toEqual([
      ['r1 = 42', '*(u64 *)(r10 - 256) = r1', 'call sub', 'r0 = *(u64 *)(r10 - 256)', 'exit'],
      ['*(u64 *)(r10 - 128) = 7', 'call bpf_get_prandom_u32', 'r0 = *(u64 *)(r10 - 128)', 'exit'],
    ]);
    expect(program!.program.subprogs.map((each) => each.insns.length)).toEqual([5, 4]);
  });

  test('expectations have their places', () => {
    const [plain, linux, , unsaved] = spec!.cases.map((each) => each.expectation);
    expect(plain!.retval).toEqual({ value: 42n, position: { file: 'x.yaml', line: 20, column: 11 } });
    expect(plain!.framePointers).toBeUndefined();
    expect(linux!.framePointers).toMatchObject([
      { subprog: { program: 'prog', subprog: 'main' }, term: { value: { text: 'block(main) + 8 + 256' } } },
      { subprog: { subprog: 'sub' }, term: { position: { line: 23, column: 53 } } },
    ]);
    expect(linux!.jited!.lines.slice(0, 3)).toMatchObject([{ line: 26, column: 7 }, { line: 27 }, { line: 28 }]);
    expect(unsaved!.verdict).toMatchObject({
      value: { kind: 'fails', check: 'frame-address', first: { value: { kind: 'pc', pc: 2 }, position: { line: 31 } } },
      position: { line: 31, column: 16 },
    });
  });
});

describe('an extension between private frames', () => {
  const text = testdata('extension.yaml');
  const [spec] = lower(text);

  test('a policy runs in the scenarios in which something is expected of it', () => {
    expect(spec!.claims).toEqual(['X1', 'X2', 'E3.sub']);
    const extra = shown(spec!).filter((each) => each.includes('callee-adjust'));
    expect(extra).toEqual(['replaced / callee-adjust']);
    expect(spec!.cases).toHaveLength(4 * 3 + 1);
  });

  test('a tree cites the lines of the tree', () => {
    const lines = text.split('\n');
    for (const { sources } of spec!.programs) {
      for (const { line, column } of sources.flat()) expect(lines[line - 1]!.slice(column - 1)).toMatch(/^[a-z]/);
    }
    expect(spec!.programs.map(({ type, program }) => [type, program.subprogs.map((each) => each.name)])).toEqual([
      ['tracepoint', ['main', 'global_subprog', 'subprog2']],
      ['ext', ['ext_main', 'sub1']],
    ]);
  });

  test('what a scenario arranges comes before the run', () => {
    const scenarios = new Map(spec!.cases.map(({ scenario }) => [scenario.name, scenario.events]));
    const shownEvents = [...scenarios].map(([name, events]) => [name, ...events.map(({ kind }) => kind)]);
    expect(shownEvents).toEqual([
      ['plain', 'run'],
      ['replaced', 'replace', 'run'],
      ['throw deep', 'throw', 'run'],
      ['preempted', 'interrupt', 'run'],
    ]);
    expect(scenarios.get('throw deep')![0]).toEqual({
      kind: 'throw',
      cookie: 16n,
      target: { program: 'prog', subprog: 'subprog2' },
      nth: 1,
      position: { file: 'x.yaml', line: 27, column: 22 },
    });
  });

  test('a body that throws has a map that tells it when', () => {
    const [prog] = spec!.programs;
    expect(prog!.throws).toEqual([{ subprog: 2, map: 'prog.throws', offset: 0 }]);
    expect(spec!.maps).toMatchObject([{ name: 'prog.throws', size: 16, init: new Uint8Array(16) }]);
    expect(prog!.program.maps).toEqual(['prog.throws']);
  });

  test('clobbers are rules for ranges of calls', () => {
    expect(spec!.clobbers).toMatchObject([
      { name: 'bpf_ktime_get_ns', calls: { from: 1, to: 1 }, all: true },
      { calls: { from: 2, to: Number.POSITIVE_INFINITY }, cpu: 1, all: false },
    ]);
    expect(spec!.clobbers[1]!.registers.get('r9')!.value.parts).toMatchObject([
      { atom: { kind: 'fp', subprog: { program: 'prog', subprog: 'main' }, cpu: 0 } },
    ]);
  });

  test('the failure that is declared for one scenario and policy is that one', () => {
    const kinds = spec!.cases.map(({ expectation }) => expectation.verdict.value.kind);
    expect(kinds.filter((each) => each === 'fails')).toHaveLength(2);
    const failing = spec!.cases.find((each) => each.scenario.name === 'throw deep' && each.policy === 'linux-6.18');
    const verdict = failing!.expectation.verdict.value;
    expect(
      verdict.kind === 'fails' && [...verdict.regs].map(([register, { value }]) => `${register} ${value.text}`),
    ).toEqual(['r14 caller.r15', 'r15 fp(main)']);
  });
});

const program = (body = 'tree: main 8'): string => `name: x\nprograms: { prog: { type: kprobe, ${body} } }\n`;

describe('defaults', () => {
  const [spec] = lower(program());

  test('one scenario, named plain, in which the first program runs', () => {
    expect(shown(spec!)).toEqual(['plain / kernel-stack', 'plain / linux-6.18', 'plain / subtree']);
    expect(spec!.cases[0]!.scenario.events).toMatchObject([{ kind: 'run', program: 'prog', times: 1 }]);
    expect(spec).toMatchObject({ seed: 1, cpus: [0], point: {}, maps: [], helpers: [], clobbers: [] });
    expect(spec!.context).toEqual(new Uint8Array(256));
    expect(spec!.cases[0]!.expectation).toMatchObject({ verdict: { value: { kind: 'holds' } } });
  });

  test('a default policy that does not exist is left out', () => {
    const { specs } = parseSpecText(program(), 'x.yaml');
    const lowered = lowerSpec(specs[0]!, { policies: ['kernel-stack'] });
    expect(lowered.ok && shown(lowered.value[0]!)).toEqual(['plain / kernel-stack']);
  });
});

describe('surroundings', () => {
  const [spec] = lower(`${program('asm: "r1 = map[m]; call probe; exit"')}
helpers: { probe: { returns: "0xffffffffffffffff" }, bpf_ktime_get_ns: { asm: "xor eax, eax\\nret" } }
clobbers: { probe: [{ rax: 1 }], bpf_ktime_get_ns: [{ call: 2..3, rax: 2 }] }
maps: { m: { size: 4, init: "01 02" } }
context: "0a0b"
scenarios:
  plain: {}
  other:
    context: 3
    clobbers: { probe: [{ rax: 7 }] }
    helpers: { probe: { returns: -1 }, later: {} }
    do: [{ run: prog, cpu: 1, times: 3 }]
`);

  test('helpers and maps', () => {
    expect(spec!.helpers).toMatchObject([
      { name: 'probe', kind: 'kfunc', returns: 2n ** 64n - 1n },
      { name: 'bpf_ktime_get_ns', kind: 'helper', asm: { text: 'xor eax, eax\nret' } },
    ]);
    expect(spec!.maps).toMatchObject([{ name: 'm', size: 4, init: Uint8Array.of(1, 2, 0, 0) }]);
    expect(spec!.programs[0]!.program.maps).toEqual(['m']);
  });

  test('a scenario overrides them, function by function', () => {
    const [plain, other] = ['plain', 'other'].map(
      (name) => spec!.cases.find((each) => each.scenario.name === name)!.scenario,
    );
    expect(plain!.context).toEqual(Uint8Array.of(0x0a, 0x0b));
    expect(other!.context).toEqual(new Uint8Array(3));
    const rax = (rules: typeof plain) =>
      rules!.clobbers.map((each) => [each.name, each.registers.get('rax')!.value.text]);
    expect(rax(plain)).toEqual([
      ['probe', '1'],
      ['bpf_ktime_get_ns', '2'],
    ]);
    expect(rax(other)).toEqual([
      ['bpf_ktime_get_ns', '2'],
      ['probe', '7'],
    ]);
    expect(other!.helpers.map((each) => [each.name, each.returns])).toEqual([
      ['bpf_ktime_get_ns', undefined],
      ['probe', 2n ** 64n - 1n],
      ['later', undefined],
    ]);
    expect(other!.events).toMatchObject([{ kind: 'run', program: 'prog', cpu: 1, times: 3 }]);
  });
});

describe('a sweep', () => {
  test('changes depths and seeds', () => {
    const specs = lower(`${program('tree: "main 8\\n  sub 8"')}sweep: { depth(sub): [0, 49], seed: 7..8 }\n`);
    expect(specs.map(({ point, seed }) => [point['depth(sub)'], seed])).toEqual([
      [0, 7],
      [0, 8],
      [49, 7],
      [49, 8],
    ]);
    const stores = specs.map(({ programs }) => programs[0]!.text.match(/\) = 0x/g)!.length);
    expect(stores).toEqual([1, 1, 8, 8]);
    // What differs only in the seed is shared, so a sweep of seeds costs nothing.
    expect(specs[2]!.programs).toBe(specs[3]!.programs);
  });
});

test('names may be those of JavaScript', () => {
  const [spec] = lower(`name: x
programs: { constructor: { type: kprobe, tree: "toString 8\\n  valueOf 8\\n  hasOwnProperty" } }
kfuncs: [hasOwnProperty]
clobbers: { hasOwnProperty: [{ rax: toString_fp }] }
scenarios: { constructor: {}, toString: { do: [{ run: constructor }] } }
expect: { frame_pointers: { subtree: { valueOf: fp(constructor.toString) } }, scenarios: { constructor: {} } }
`);
  expect(spec!.cases).toHaveLength(6);
  expect(spec!.programs[0]!.program.subprogs.map((each) => each.name)).toEqual(['toString', 'valueOf']);
});

describe('inline policies', () => {
  test('what is left out is completed', () => {
    const [spec] = lower(`${program()}policies: [subtree, { name: mine, block: subtree, preserve: push-pop }]\n`);
    expect(spec!.cases.map(({ policy }) => policy)).toEqual([
      'subtree',
      {
        name: 'mine',
        block: 'subtree',
        compute: 'callee-add',
        preserve: { kind: 'push-pop', calls: ['subprog', 'helper', 'kfunc', 'throw'] },
        boundary: 'none',
        callback: 'no-pop',
        mayGoto: 'offset',
      },
    ]);
  });
});
