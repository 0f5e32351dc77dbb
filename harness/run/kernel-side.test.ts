import { describe, expect, test } from '@jest/globals';
import { GPR_NAMES, Gpr, X86_64 } from '../../jit';
import { entryRsp } from '../machine/layout';
import { resultOf } from './testing';

/** Programs, each with its keys and body; what is done with them; what else the spec says. */
function spec(programs: Record<string, { keys: string; asm: string }>, doing: string, rest = ''): string {
  const bodies = Object.entries(programs).map(([name, { keys, asm }]) => {
    const lines = asm.trim().split(/\n */);
    return `  ${name}:\n    ${keys}\n    asm: |\n${lines.map((line) => `      ${line}`).join('\n')}\n`;
  });
  return `name: test\npolicies: all\nprograms:\n${bodies.join('')}scenarios: { s: { do: [${doing}] } }\n${rest}`;
}

/** Two frames of 64 bytes, private where there are any; r6 to r9 live across the call. */
const CHAIN = {
  prog: {
    keys: 'type: kprobe',
    asm: `main:
      r6 = 6; r7 = 7; r8 = 8; r9 = 9
      *(u64 *)(r10 - 64) = 1
      r1 = 1
      call sub
      r1 = *(u64 *)(r10 - 64)
      r0 += r1; r0 += r6; r0 += r7; r0 += r8; r0 += r9
      exit
      .global sub
      sub:
      *(u64 *)(r10 - 64) = 2
      call bpf_ktime_get_ns
      r0 = *(u64 *)(r10 - 64)
      exit`,
  },
};
const RESULT = 6n + 7n + 8n + 9n + 1n + 2n;

const SOUND = [
  'kernel-stack',
  'linux-6.18',
  'linux-6.18-fixed',
  'linux-6.18-pop',
  'subtree',
  'caller-add',
  'spill-slot',
];

/** `prog.main < prog.sub`: activations with those that they run below. */
function chains(text: string, policy: string): string[] {
  const [{ run, all }] = resultOf(text, policy).runs as [ReturnType<typeof resultOf>['runs'][number]];
  return all.map((each) => {
    const names: string[] = [];
    for (let at: typeof each | null = each; at; at = at.parent) {
      const placed = run.world.programs[at.program]!;
      names.unshift(`${placed.name}.${placed.program.subprogs[at.subprog]!.name}@${at.cpu}`);
    }
    return `${names.join(' < ')} ${each.beginning}`;
  });
}

/** What every run of a sound policy has: a good end, the caller's registers, and every entry left. */
function sound(text: string, policy: string, result: bigint): void {
  const { runs, missed } = resultOf(text, policy);
  expect(missed).toEqual([]);
  for (const { run } of runs) {
    expect(run.status.kind).toBe('ok');
    expect(run.after[X86_64.returnValue]).toBe(result);
    for (const { before, after } of run.entries) {
      for (const register of [...X86_64.calleeSaved, Gpr.rsp]) {
        expect([GPR_NAMES[register], after?.[register]]).toEqual([GPR_NAMES[register], before[register]]);
      }
    }
  }
}

describe('an interruption', () => {
  const every = (what: string, how: string) => `{ interrupt: ${what}, run: prog, ${how} }`;

  test.each(SOUND)('at every instruction, by the program itself on the other CPU, under %s', (policy) => {
    for (const subprog of ['main', 'sub']) {
      const text = spec(CHAIN, every(`every instruction of prog.${subprog}`, 'cpu: other, guard: none'));
      sound(text, policy, RESULT);
      const entries = resultOf(text, policy).runs[0]!.run.entries;
      expect(entries.length).toBeGreaterThan(10);
      expect(new Set(entries.slice(1).map(({ kind, cpu }) => `${kind} ${cpu}`))).toEqual(new Set(['interrupt 1']));
    }
  });

  test('at one instruction, in the middle of a run', () => {
    expect(chains(spec(CHAIN, every('prog.sub pc 1', 'cpu: other, guard: none')), 'linux-6.18')).toEqual([
      'prog.main@0 entry',
      'prog.main@0 < prog.sub@0 call',
      'prog.main@0 < prog.sub@0 < prog.main@1 entry',
      'prog.main@0 < prog.sub@0 < prog.main@1 < prog.sub@1 call',
    ]);
  });

  test('in a call, where C runs', () => {
    expect(chains(spec(CHAIN, every('call 1 of bpf_ktime_get_ns', 'guard: none')), 'kernel-stack')).toEqual([
      'prog.main@0 entry',
      'prog.main@0 < prog.sub@0 call',
      'prog.main@0 < prog.sub@0 < prog.main@0 entry',
      'prog.main@0 < prog.sub@0 < prog.main@0 < prog.sub@0 call',
    ]);
  });

  test('the guard of the kernel keeps a program from running inside itself on its CPU, not on the other one', () => {
    const entries = (how: string) =>
      resultOf(spec(CHAIN, every('prog.sub pc 1', how)), 'linux-6.18').runs[0]!.run.entries.length;
    expect([entries('guard: kernel'), entries('guard: kernel, cpu: other')]).toEqual([1, 2]);
  });

  test('flags live across it', () => {
    const asm = `main:
      r1 = 1
      if r1 != 1 goto wrong
      if r1 s> 0 goto right
      wrong:
      r0 = 0
      exit
      right:
      r0 = 1
      exit`;
    sound(
      spec({ prog: { keys: 'type: kprobe', asm } }, every('every instruction of prog.main', 'cpu: other')),
      'linux-6.18',
      1n,
    );
  });

  test.each(['before the frame pointer of prog.main', 'before call 1 of prog.main', 'epilogue of prog.main'])(
    '%s',
    (at) => {
      for (const name of SOUND) expect(resultOf(spec(CHAIN, every(at, 'cpu: other')), name).missed).toEqual([]);
    },
  );

  test('that never comes is told', () => {
    const { missed } = resultOf(spec(CHAIN, every('call 2 of bpf_ktime_get_ns', '')), 'linux-6.18');
    expect(missed.map(({ kind }) => kind)).toEqual(['interrupt']);
  });
});

describe('an extension', () => {
  const EXT = { keys: 'type: ext', asm: 'ext_main:\ncall bpf_ktime_get_ns\nr0 = 5\nexit' };
  const replaced = (more = '') =>
    spec({ ...CHAIN, ext: EXT }, `{ replace: prog.sub, with: ext${more} }, { run: prog, times: 2 }`);

  test.each(SOUND)('takes the place of a subprog under %s', (policy) => {
    sound(replaced(), policy, RESULT - 2n + 5n);
    expect(chains(replaced(), policy)).toEqual([
      'prog.main@0 entry',
      'prog.main@0 < prog.sub@0 call',
      'prog.main@0 < ext.ext_main@0 call',
    ]);
  });

  test('in mid-run: from the next call on', () => {
    const { runs } = resultOf(replaced(', at: prog.sub pc 1'), 'linux-6.18');
    expect(runs.map(({ run }) => run.after[0])).toEqual([RESULT, RESULT - 2n + 5n]);
  });

  test('in mid-run: code that has run before is forgotten', () => {
    const asm =
      'main:\ncall sub\nr6 = r0\ncall sub\nr0 += r6\nexit\n.global sub\nsub:\ncall bpf_ktime_get_ns\nr0 = 1\nexit';
    const programs = { prog: { keys: 'type: kprobe', asm }, ext: EXT };
    const text = spec(programs, '{ replace: prog.sub, with: ext, at: call 1 of bpf_ktime_get_ns }');
    sound(text, 'linux-6.18', 6n);
  });

  test('that is never entered is told', () => {
    const text = spec({ ...CHAIN, ext: EXT }, '{ run: prog }, { replace: prog.sub, with: ext }');
    expect(resultOf(text, 'linux-6.18').missed.map(({ kind }) => kind)).toEqual(['replace']);
  });
});

describe('a trampoline', () => {
  const TRACER = {
    keys: 'type: tracing',
    asm: 'tracer:\nr1 = *(u64 *)(r1 + 0)\ncall bpf_get_prandom_u32\nr0 = 0\nexit',
  };

  test.each(SOUND)('before and after a subprog, and around a program, under %s', (policy) => {
    for (const event of [
      '{ fentry: prog.sub }',
      '{ fexit: prog.sub }',
      '{ fentry: prog.main }, { fexit: prog.main }',
    ]) {
      // What is added to a pointer that came from the caller finds nothing behind a trampoline (V3-7).
      if (['subtree', 'caller-add'].includes(policy) && event.includes('sub')) continue;
      sound(spec(CHAIN, event), policy, RESULT);
    }
  });

  test('runs programs, and destroys r9 on both sides', () => {
    const text = spec(
      { ...CHAIN, tracer: TRACER },
      '{ fentry: prog.sub, run: tracer }, { fexit: prog.sub, run: tracer }',
    );
    sound(text, 'linux-6.18', RESULT);
    expect(chains(text, 'linux-6.18')).toEqual([
      'prog.main@0 entry',
      'prog.main@0 < prog.sub@0 call',
      'prog.main@0 < prog.sub@0 < tracer.tracer@0 entry',
      'prog.main@0 < prog.sub@0 entry',
      'prog.main@0 < tracer.tracer@0 entry',
    ]);
  });
});

describe('an exception', () => {
  const throwing = (depth: number, keys = '', cb = '') => ({
    prog: {
      keys: `type: kprobe${keys}`,
      asm: `main:
        r6 = 6; r7 = 7; r8 = 8; r9 = 9
        *(u64 *)(r10 - ${depth}) = 1
        call sub
        r0 = 0
        exit
        sub:
        *(u64 *)(r10 - 72) = 2
        r1 = 16
        call bpf_throw
        exit${cb}`,
    },
  });
  const CALLBACK = '\n.global catch\ncatch:\n*(u64 *)(r10 - 8) = r1\nr0 = *(u64 *)(r10 - 8)\nr0 += 1\nexit';

  test.each([
    'kernel-stack',
    'linux-6.18-fixed',
    'linux-6.18-pop',
    'spill-slot',
    'reload',
    'callee-saved',
    'boundary-once',
  ])('ends in the callback, and restores what the boundary saved, under %s', (policy) => {
    for (const depth of [8, 64, 264]) {
      sound(spec(throwing(depth), '{ run: prog }'), policy, 16n);
      sound(spec(throwing(depth, '\n    exception_callback: catch', CALLBACK), '{ run: prog }'), policy, 17n);
    }
  });

  test('under linux-6.18 each register is the one above it, out of a private boundary only (E3)', () => {
    const { run } = resultOf(spec(throwing(264), '{ run: prog }'), 'linux-6.18').runs[0]!;
    const { before, after, world } = run;
    const fp = world.programs[0]!.blocks[0]! + 8n + 264n;
    const caller = (name: 'r15' | 'r14' | 'r13' | 'rbx') => before[Gpr[name]]!;
    expect([after[Gpr.r14], after[Gpr.r13], after[Gpr.rbx], after[Gpr.r12]]).toEqual([
      caller('r15'),
      caller('r14'),
      caller('r13'),
      caller('rbx'),
    ]);
    expect(BigInt.asUintN(32, after[Gpr.r15]!)).toBe(BigInt.asUintN(32, fp + 0xb8000000n));
    sound(spec(throwing(8), '{ run: prog }'), 'linux-6.18', 16n);
  });

  test('is told what the unwinder found', () => {
    const { run, all } = resultOf(spec(throwing(264), '{ run: prog }'), 'linux-6.18-fixed').runs[0]!;
    const [main, sub, caught] = all;
    const { thrown } = sub!;
    expect(thrown).toMatchObject({ cookie: 16n, boundary: 0, bp: main!.entryRsp - 8n });
    // What the call of sub had pushed comes off when its frame is left.
    expect(thrown!.sp).toBe(sub!.entryRsp + 8n);
    expect(caught).toMatchObject({ beginning: 'throw', entryRsp: entryRsp(0), parent: null });
    expect(main!.successor).toBe(caught);
    expect(run.marks.map(({ kind }) => kind)).toEqual(['enter', 'throw']);
  });

  test('that no boundary catches ends the run: a trampoline in between is no program', () => {
    const { run } = resultOf(spec(throwing(264), '{ fexit: prog.sub }'), 'linux-6.18-fixed').runs[0]!;
    expect(run.status.kind).toBe('stopped');
    expect(run.marks.find((mark) => mark.kind === 'throw')).toMatchObject({ thrown: { boundary: null } });
  });
});

describe('callbacks', () => {
  const asm = (call: string) => `main:
      *(u64 *)(r10 - 64) = 0
      ${call}
      r1 = *(u64 *)(r10 - 64)
      r0 <<= 8
      r0 |= r1
      exit
      callback:
      *(u64 *)(r10 - 72) = 1
      r6 = r2
      call bpf_ktime_get_ns
      r1 = *(u64 *)(r10 - 72)
      r2 = *(u64 *)(r6 + 0)
      r1 += r2
      *(u64 *)(r6 + 0) = r1
      r0 = 0
      if r1 != 3 goto out
      r0 = 1
      out:
      exit`;
  const looping = (rounds: number) =>
    spec(
      {
        prog: {
          keys: 'type: kprobe',
          asm: asm(`r1 = ${rounds}; r2 = callback ll; r3 = r10; r3 += -64; r4 = 0; call bpf_loop`),
        },
      },
      '{ run: prog }',
    );

  test.each(SOUND)('of a loop, until one ends it, under %s', (policy) => {
    sound(looping(2), policy, 0x202n);
    sound(looping(9), policy, 0x303n);
  });

  test('that come later, on either CPU', () => {
    const timer = `main:
      r1 = map[m][0] ll; r2 = map[m] ll; r3 = 1; call bpf_timer_init
      r1 = map[m][0] ll; r2 = later ll; call bpf_timer_set_callback
      r1 = map[m][0] ll; r2 = 0; r3 = 0; call bpf_timer_start
      exit
      later:
      r0 = *(u32 *)(r2 + 0)
      r3 = *(u64 *)(r3 + 16)
      r0 += r3
      exit`;
    const programs = { prog: { keys: 'type: kprobe', asm: timer } };
    const map = `maps: { m: { size: 24, init: "${'00'.repeat(16)}07" } }`;
    const { runs, missed } = resultOf(spec(programs, '{ run: prog }, { fire: prog.later, cpu: 1 }', map), 'linux-6.18');
    expect(missed).toEqual([]);
    expect(runs.map(({ run }) => [run.cpu, run.after[0]])).toEqual([
      [0, 0n],
      [1, 7n],
    ]);
    const early = resultOf(spec(programs, '{ fire: prog.later }, { run: prog }', map), 'linux-6.18');
    expect(early.missed.map(({ kind }) => kind)).toEqual(['fire']);
  });
});

test('a callback that no program hands over, but the spec declares, is fired all the same', () => {
  const asm = 'main:\nr0 = 0\nexit\n.global later\nlater:\nr0 = 3\nexit';
  const programs = { prog: { keys: 'type: kprobe\n    async_callbacks: [later]', asm } };
  const { runs, missed } = resultOf(spec(programs, '{ fire: prog.later }'), 'linux-6.18');
  expect(missed).toEqual([]);
  expect(runs.map(({ run }) => run.after[0])).toEqual([3n]);
});
