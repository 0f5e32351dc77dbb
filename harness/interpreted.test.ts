import { describe, expect, test } from '@jest/globals';
import { judge, lowered, shown } from './check/testing';
import { interpretedRuns } from './interpreted';
import type { Interpreted } from './run/interpreted';

/** Programs, each with its keys and body; what is done with them; what else the spec says. */
function spec(programs: Record<string, { keys?: string; asm: string }>, doing: string, rest = ''): string {
  const bodies = Object.entries(programs).map(([name, { keys = 'type: kprobe', asm }]) => {
    const lines = asm.trim().split(/[\n;] */);
    return `  ${name}:\n    ${keys}\n    asm: |\n${lines.map((line) => `      ${line}`).join('\n')}\n`;
  });
  return `name: test\npolicies: all\nprograms:\n${bodies.join('')}scenarios: { s: { do: [${doing}] } }\n${rest}`;
}

const SOUND = ['kernel-stack', 'linux-6.18-fixed', 'linux-6.18-pop', 'spill-slot', 'reload', 'callee-saved'];

/** What the interpreter comes to, and what is found to be something else in the machine. */
function both(text: string, policy: string, cpu = 0) {
  const one = lowered(text)[0]!;
  let runs: readonly Interpreted[] = [];
  const report = judge(one, policy, {
    cpu,
    fault: (built) => {
      runs = interpretedRuns(one, one.cases[0]!.scenario, cpu, built);
      return built;
    },
  });
  return { runs, found: shown(report).filter((each) => each.startsWith('interpreter')) };
}

const results = (runs: readonly Interpreted[]) => runs.map((run) => (run.kind === 'exit' ? run.r0 : run.reason));
const names = (run: Interpreted | undefined) => (run?.kind === 'exit' ? run.calls.map(({ name }) => name) : []);

const SUB = `main:; r6 = 6; *(u64 *)(r10 - 64) = 1; r1 = 3; call sub; r0 += r6; r1 = *(u64 *)(r10 - 64); r0 += r1; exit
  .global sub; sub:; *(u64 *)(r10 - 72) = r1; call bpf_ktime_get_ns; r0 = *(u64 *)(r10 - 72); exit`;
const EXT = { keys: 'type: ext', asm: 'ext_main:; r6 = r1; call bpf_jiffies64; r0 = r6; r0 += 40; exit' };
const TRACER = { keys: 'type: tracing', asm: 'tracer:; r6 = 9; call bpf_get_prandom_u32; r0 = 0; exit' };
const THROWER = `main:; r6 = 6; *(u64 *)(r10 - 64) = 1; call sub; r0 = 0; exit
  sub:; *(u64 *)(r10 - 72) = 2; r1 = 16; call bpf_throw; exit`;
const CATCH = '\n.global catch; catch:; r0 = r1; r0 += 1; exit';
const TIMER = `main:; r1 = map[m][0] ll; r2 = later ll; call bpf_timer_set_callback; r0 = 0; exit
  later:; r0 = *(u32 *)(r2 + 0); r4 = *(u64 *)(r3 + 16); r0 += r4; *(u64 *)(r3 + 16) = 70; exit`;
const MAP = `maps: { m: { size: 24, init: "${'00'.repeat(16)}07" } }`;
const LOOP = `main:; *(u64 *)(r10 - 64) = 0; r1 = 9; r2 = f ll; r3 = r10; r3 += -64; r4 = 0; call bpf_loop
  r1 = *(u64 *)(r10 - 64); r1 <<= 8; r0 |= r1; exit
  f:; r6 = *(u64 *)(r2 + 0); r6 += r1; *(u64 *)(r2 + 0) = r6; r0 = 0; if r1 != 4 goto out; r0 = 1; out:; exit`;
const ARRAY = 'maps: { progs: { prog_array: { 1: target } } }';
const CALLER = `main:; *(u64 *)(r10 - 8) = r1; call sub; r0 += 1; exit
  sub:; r1 = 0; r2 = map[progs]; r3 = 1; call bpf_tail_call; r0 = 3; exit`;
const TARGET = { asm: 'main:; call bpf_ktime_get_ns; r0 = 50; exit' };

describe('the interpreter comes to what the machine does', () => {
  test.each<[kind: string, text: string, want: (bigint | null)[], calls: string[]]>([
    ['a run', spec({ prog: { asm: SUB } }, '{ run: prog }'), [10n], ['bpf_ktime_get_ns']],
    ['runs', spec({ prog: { asm: SUB } }, '{ run: prog, times: 2 }'), [10n, 10n], ['bpf_ktime_get_ns']],
    [
      'a subprog that is replaced',
      spec({ prog: { asm: SUB }, ext: EXT }, '{ run: prog }, { replace: prog.sub, with: ext }, { run: prog }'),
      [10n, 50n],
      ['bpf_ktime_get_ns'],
    ],
    [
      'one that is replaced while it runs',
      spec(
        { prog: { asm: SUB }, ext: EXT },
        '{ replace: prog.sub, with: ext, at: prog.sub pc 1 }, { run: prog, times: 2 }',
      ),
      [10n, 50n],
      ['bpf_ktime_get_ns'],
    ],
    [
      'tracers around a subprog',
      spec(
        { prog: { asm: SUB }, tracer: TRACER },
        '{ fentry: prog.sub, run: tracer }, { fexit: prog.sub, run: tracer }',
      ),
      [10n],
      ['bpf_get_prandom_u32', 'bpf_ktime_get_ns', 'bpf_get_prandom_u32'],
    ],
    ['an exception', spec({ prog: { asm: THROWER } }, '{ run: prog }'), [16n], ['bpf_throw']],
    [
      'an exception that is caught',
      spec({ prog: { keys: 'type: kprobe\n    exception_callback: catch', asm: THROWER + CATCH } }, '{ run: prog }'),
      [17n],
      ['bpf_throw'],
    ],
    [
      'an extension that throws',
      spec({ prog: { asm: SUB }, ext: { keys: 'type: ext', asm: THROWER } }, '{ replace: prog.sub, with: ext }'),
      [16n + 6n + 1n],
      ['bpf_throw'],
    ],
    [
      'an interruption of a call',
      spec({ prog: { asm: SUB } }, '{ interrupt: call 1 of bpf_ktime_get_ns in prog.sub, run: prog, cpu: other }'),
      [10n],
      ['bpf_ktime_get_ns', 'bpf_ktime_get_ns'],
    ],
    [
      'an interruption before an instruction',
      spec({ prog: { asm: SUB } }, '{ interrupt: prog.sub pc 1, run: prog, cpu: other }'),
      [10n],
      ['bpf_ktime_get_ns', 'bpf_ktime_get_ns'],
    ],
    [
      'an interruption that the guard skips',
      spec({ prog: { asm: SUB } }, '{ interrupt: prog.sub pc 1, run: prog }'),
      [10n],
      ['bpf_ktime_get_ns'],
    ],
    [
      'interruptions that are left out, by who calls a helper whose result is declared',
      spec(
        { prog: { asm: 'main:; call bpf_get_prandom_u32; r6 = r0; call bpf_get_prandom_u32; r0 += r6; exit' } },
        '{ interrupt: before the frame pointer of prog.main, run: prog, cpu: other }, { run: prog }',
        'helpers: { bpf_get_prandom_u32: { returns: 7 } }',
      ),
      [14n],
      ['bpf_get_prandom_u32', 'bpf_get_prandom_u32'],
    ],
    [
      'interruptions at every machine instruction, left out',
      spec({ prog: { asm: SUB } }, '{ interrupt: every instruction of prog.sub, run: prog, cpu: other, guard: none }'),
      [10n],
      ['bpf_ktime_get_ns'],
    ],
    ['a loop of callbacks', spec({ prog: { asm: LOOP } }, '{ run: prog }'), [0xa05n], ['bpf_loop']],
    [
      'a timer',
      spec({ prog: { asm: TIMER } }, '{ run: prog }, { fire: prog.later, cpu: 1 }, { fire: prog.later }', MAP),
      [0n, 7n, 70n],
      ['bpf_timer_set_callback'],
    ],
    [
      'a timer that interrupts',
      spec(
        { prog: { asm: TIMER.replace('r0 = 0', 'call bpf_ktime_get_ns; r1 = map[m][0] ll; r0 = *(u64 *)(r1 + 16)') } },
        '{ interrupt: call 1 of bpf_ktime_get_ns, fire: prog.later, cpu: other }',
        MAP,
      ),
      [70n],
      ['bpf_timer_set_callback', 'bpf_ktime_get_ns'],
    ],
    [
      'a tail call',
      spec({ prog: { asm: CALLER }, target: TARGET }, '{ run: prog }', ARRAY),
      [51n],
      ['bpf_ktime_get_ns'],
    ],
  ])('%s', (_, text, want, calls) => {
    for (const policy of SOUND) {
      const { runs, found } = both(text, policy);
      expect({ policy, found }).toEqual({ policy, found: [] });
      expect(results(runs)).toEqual(want);
      expect(names(runs[0])).toEqual(calls);
    }
  });

  test('a throw of a generated body, which is counted', () => {
    const tree = 'main 64\n        sub 72\n          bpf_throw\n        sub';
    const text = `name: test\npolicies: all\nprograms:\n  prog:\n    type: kprobe\n    tree: |\n      ${tree}
scenarios: { s: { do: [{ throw: 16, in: prog.sub, call: 2 }] } }\n`;
    for (const policy of SOUND) {
      const { runs, found } = both(text, policy);
      expect({ policy, found }).toEqual({ policy, found: [] });
      expect([results(runs), names(runs[0])]).toEqual([[16n], ['bpf_throw']]);
    }
  });

  test('results of helpers are what models, the spec and its rules say, call by call and CPU by CPU', () => {
    const asm = `main:; r6 = 0; r7 = 0; l:; call bpf_get_prandom_u32; r6 <<= 8; r6 += r0; r7 += 1; if r7 != 4 goto l
      call bpf_get_smp_processor_id; r6 <<= 8; r6 += r0; r0 = r6; exit`;
    const rules = [
      '{ call: 2, returns: 2 }',
      '{ call: 3, cpu: 1, returns: 3 }',
      '{ call: 4, rax: 4, returns: 5 }',
      '{ call: 1, rax: junk(x) }',
    ];
    const text = spec({ prog: { asm } }, '{ run: prog }', `clobbers: { bpf_get_prandom_u32: [${rules.join(', ')}] }`);
    for (const cpu of [0, 1]) {
      const { runs, found } = both(text, 'linux-6.18', cpu);
      expect([found, typeof results(runs)[0]]).toEqual([[], 'bigint']);
    }
  });
});

describe('what means nothing is not compared', () => {
  const r0 = (asm: string, rest = '') => {
    const { runs, found } = both(spec({ prog: { asm } }, '{ run: prog }', rest), 'linux-6.18');
    expect(found).toEqual([]);
    return results(runs)[0];
  };

  test.each([
    ['a stack slot that nobody has written', 'r0 = *(u64 *)(r10 - 64); exit'],
    ['one byte of it', 'r0 = *(u8 *)(r10 - 64); r0 &= 1; exit'],
    ['a frame pointer', 'r0 = r10; exit'],
    ['its lowest bits', 'r0 = r10; r0 &= 0xf0; exit'],
    ['a callback', 'r0 = f ll; exit\n.func f; f:; r0 = 0; exit'],
    [
      'how far frames are apart',
      '*(u64 *)(r10 - 8) = 0; r1 = r10; call f; exit\nf:; *(u64 *)(r10 - 64) = 0; r0 = r10; r0 -= r1; exit',
    ],
  ])('%s', (_, asm) => {
    expect(r0(asm)).toBeNull();
  });

  test('what a rule says by where frames are', () => {
    expect(
      r0('*(u64 *)(r10 - 64) = 1; call bpf_ktime_get_ns; exit', 'clobbers: { bpf_ktime_get_ns: [{ rax: fp(main) }] }'),
    ).toBeNull();
  });

  test('nor is a run that it decides', () => {
    expect(r0('r0 = 0; r1 = *(u8 *)(r10 - 64); r1 &= 1; if r1 == 0 goto +1; r0 = 1; exit')).toContain('means nothing');
    expect(
      r0('r1 = r10; call f; exit\nf:; *(u64 *)(r10 - 64) = 0; r0 = 1; if r1 > r10 goto +1; r0 = 2; exit'),
    ).toContain('means nothing');
  });

  test('in a map, by the word; the rest is', () => {
    const asm = 'r1 = map[m][0] ll; *(u64 *)(r1 + 0) = r10; *(u8 *)(r1 + 8) = r10; *(u8 *)(r1 + 16) = 5; r0 = 0; exit';
    const { runs, found } = both(spec({ prog: { asm } }, '{ run: prog }', 'maps: { m: { size: 24 } }'), 'linux-6.18');
    expect(found).toEqual([]);
    const [run] = runs;
    const { known, bytes } = run?.kind === 'exit' ? run.memory.get('m')! : { known: [], bytes: [] };
    expect(known).toEqual(Array.from({ length: 24 }, (_, i) => i >= 16));
    expect(bytes[16]).toBe(5);
  });

  test('in arguments of helpers', () => {
    const asm = '*(u64 *)(r10 - 64) = 1; r1 = r10; r2 = 5; call bpf_ktime_get_ns; r0 = 0; exit';
    const [run] = both(spec({ prog: { asm } }, '{ run: prog }'), 'linux-6.18').runs;
    expect(run).toMatchObject({ calls: [{ args: [null, 5n, null, null, null] }] });
  });
});

test.each<[reason: string, text: string]>([
  [
    'probe is given in assembly',
    spec(
      { prog: { asm: 'call probe; r0 = 0; exit' } },
      '{ run: prog }',
      'kfuncs: [probe]\nhelpers: { probe: { asm: ret } }',
    ),
  ],
  [
    'changes memory',
    spec(
      { prog: { asm: SUB }, other: { asm: '*(u8 *)(r1 + 0) = 1; r0 = 0; exit' } },
      '{ interrupt: instruction 3 of prog.sub, run: other, guard: none }',
    ),
  ],
  [
    'a callback interrupts',
    spec({ prog: { asm: TIMER } }, '{ interrupt: epilogue of prog.main, fire: prog.later }', MAP),
  ],
  [
    'replaced at a machine instruction',
    spec({ prog: { asm: SUB }, ext: EXT }, '{ replace: prog.sub, with: ext, at: instruction 3 of prog.main }'),
  ],
  ['throw: no main subprog', spec({ prog: { asm: THROWER } }, '{ fexit: prog.sub }')],
  [
    'memory that nobody models',
    spec(
      { prog: { asm: 'r1 = r10; r1 += -8; r2 = 8; r3 = 0xffffffff81400000 ll; call bpf_probe_read_kernel; exit' } },
      '{ run: prog }',
    ),
  ],
])('not compared: %s', (reason, text) => {
  const one = lowered(text.replace('policies: all', 'policies: [kernel-stack]'))[0]!;
  let runs: readonly Interpreted[] = [];
  const fault = (built: Parameters<typeof interpretedRuns>[3]) => {
    runs = interpretedRuns(one, one.cases[0]!.scenario, 0, built);
    return built;
  };
  const bodies = new Map([['probe', { address: 0xffffffff81800000n, bytes: Uint8Array.of(0xc3) }]]);
  expect(shown(judge(one, 'kernel-stack', { fault, bodies }))).not.toContain('interpreter');
  expect(results(runs).at(-1)).toContain(reason);
});
