import { scene } from './testing';

const TREE = `
main 64
  sub 56
    bpf_ktime_get_ns
    small 16
      leaf 49
  global 64 global
    bpf_ktime_get_ns
  bpf_ktime_get_ns`;
const EXTENSION = { type: 'ext', tree: 'ext 56\n  deep 96\n    bpf_ktime_get_ns\n  bpf_ktime_get_ns' };
const TRACER = {
  type: 'tracing',
  asm: `
tracer:
  r6 = r1
  r7 = *(u64 *)(r6 + 0)
  *(u64 *)(r10 - 64) = r7
  call bpf_ktime_get_ns
  r7 = *(u64 *)(r6 + 8)
  call helps
  r0 = 0
  exit
helps:
  *(u64 *)(r10 - 128) = 1
  r1 = r10
  r0 = *(u64 *)(r1 - 128)
  exit`,
};
const IRQ = { type: 'raw_tracepoint', tree: 'irq 56\n  below 56\n    bpf_ktime_get_ns\n  bpf_get_prandom_u32' };
const every = (what: string, more = '') => `{ interrupt: every instruction of ${what}, run: irq${more} }`;

/** A callback is handed a frame of its caller's, and the key of an element on C's stack. */
const CALLBACKS = `
main:
  *(u64 *)(r10 - 128) = 0
  r1 = map[m] ll
  r2 = each ll
  r3 = r10
  r3 += -128
  r4 = 0
  call bpf_for_each_map_elem
  r1 = 3
  r2 = body ll
  r3 = r10
  r3 += -128
  r4 = 0
  call bpf_loop
  r0 = *(u64 *)(r10 - 128)
  exit
each:
  r6 = r2
  r7 = r4
  *(u64 *)(r10 - 64) = r3
  call bpf_ktime_get_ns
  r1 = *(u32 *)(r6 + 0)
  r2 = *(u64 *)(r7 + 0)
  r2 += r1
  *(u64 *)(r7 + 0) = r2
  r1 = r7
  call leaf
  r0 = 0
  exit
body:
  r6 = r2
  *(u64 *)(r10 - 256) = r1
  call bpf_ktime_get_ns
  r1 = r6
  call leaf
  r0 = 0
  exit
leaf:
  *(u64 *)(r10 - 64) = r1
  r1 = *(u64 *)(r10 - 64)
  r2 = *(u64 *)(r1 + 0)
  r2 += 1
  *(u64 *)(r1 + 0) = r2
  r0 = 0
  exit`;

const TIMER = `
main:
  *(u64 *)(r10 - 128) = 1
  r1 = map[m][0] ll
  r2 = later ll
  call bpf_timer_set_callback
  call bpf_ktime_get_ns
  r0 = *(u64 *)(r10 - 128)
  exit
later:
  r6 = r2
  *(u64 *)(r10 - 64) = r3
  call bpf_ktime_get_ns
  r1 = *(u32 *)(r6 + 0)
  r0 = 0
  exit`;

const THROW = `
main:
  r6 = 6
  *(u64 *)(r10 - 128) = r6
  call sub
  r0 = 0
  exit
sub:
  r6 = 7
  *(u64 *)(r10 - 64) = r6
  call bpf_ktime_get_ns
  r1 = 16
  call bpf_throw
  r0 = 0
  exit`;

const MAP = 'maps: { m: { size: 32 } }';

/** Everything that the kernel around a program may do, by name. */
export const SCENES: Readonly<Record<string, string>> = {
  'two CPUs, one after the other': scene(
    { prog: { tree: TREE } },
    '{ run: prog }, { run: prog, cpu: 1 }, { run: prog, cpu: 0 }',
  ),
  'interrupted at every instruction': scene(
    { prog: { tree: TREE }, irq: IRQ },
    `${every('prog.main')}, ${every('prog.leaf')}, ${every('prog.sub')}, { run: prog }`,
  ),
  'interrupted by the other CPU': scene(
    { prog: { tree: TREE }, irq: IRQ },
    `${every('prog.main', ', cpu: other')}, ${every('prog.small', ', cpu: other')}, { run: prog }`,
  ),
  'the same program on the other CPU': scene(
    { prog: { tree: TREE } },
    '{ interrupt: every instruction of prog.sub, run: prog, cpu: other, guard: none }, { run: prog }',
  ),
  'a subprog is replaced': scene(
    { prog: { tree: TREE }, e: EXTENSION },
    '{ replace: prog.global, with: e }, { run: prog, times: 2 }',
  ),
  'a subprog is replaced while it runs': scene(
    { prog: { tree: TREE }, e: EXTENSION },
    '{ replace: prog.global, with: e, at: call 1 of bpf_ktime_get_ns in prog.global }, { run: prog, times: 2 }',
  ),
  'a subprog is traced': scene(
    { prog: { tree: TREE }, t: TRACER },
    '{ fentry: prog.global, run: t }, { fexit: prog.sub, run: t }, { fexit: prog.leaf }, { run: prog, times: 2 }',
  ),
  callbacks: scene({ prog: { asm: CALLBACKS } }, '{ run: prog }', `${MAP}\nexpect: { retval: 4 }`),
  'callbacks, interrupted': scene(
    { prog: { asm: CALLBACKS }, irq: IRQ },
    `${every('prog.each')}, ${every('prog.leaf', ', cpu: other')}, { run: prog }`,
    `${MAP}\nexpect: { retval: 4 }`,
  ),
  'a timer': scene({ prog: { asm: TIMER } }, '{ run: prog }, { fire: prog.later }, { fire: prog.later, cpu: 1 }', MAP),
  'a timer in a run': scene(
    { prog: { asm: TIMER } },
    '{ interrupt: call 1 of bpf_ktime_get_ns in prog.main, fire: prog.later, cpu: other }, { run: prog }',
    MAP,
  ),
  'a throw': scene({ prog: { asm: THROW } }, '{ run: prog, times: 2 }', 'expect: { retval: 16 }'),
  'a throw, interrupted': scene(
    { prog: { asm: THROW }, irq: IRQ },
    `${every('prog.sub')}, ${every('prog.main', ', cpu: other')}, { interrupt: call 1 of bpf_throw, run: irq }, { run: prog }`,
    'expect: { retval: 16 }',
  ),
  'an extension throws': scene(
    { prog: { tree: TREE }, e: { type: 'ext', asm: THROW.replace('main:', 'ext:').replace('r1 = 16', 'r1 = 0') } },
    '{ replace: prog.global, with: e }, { run: prog, times: 2 }',
  ),
};
