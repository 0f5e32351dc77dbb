import type { Random } from '../kernel-image/random';
import type { Around } from './around';

/**
 * Programs with what the generated ones do not have: tail calls, loads that may fault, an arena, a tracer that is interrupted
 * by itself. They run in the place of the generated program, in a machine that is watched.
 */
type Maker = (random: Random, subprog: string) => Around;

const indented = (lines: readonly string[]): string[] => lines.map((line) => `      ${line}`);
const several = <T>(random: Random, most: number, make: () => T): T[] =>
  Array.from({ length: random.between(1, most) }, make);

/** A call through the array: to a slot that is known, or one that the run decides. Slots 1 and 3 are empty. */
function tailCall(random: Random): string[] {
  const slot = random.once(2)
    ? [`r3 = ${random.pick([0, 0, 1, 2])}`]
    : ['r3 = map[runs][0] ll', 'r3 = *(u64 *)(r3 + 0)', `r3 &= ${random.pick([1, 2, 3])}`];
  return ['r1 = r6', 'r2 = map[jmp] ll', ...slot, 'call bpf_tail_call'];
}

const COUNT = ['r2 = map[runs][0] ll', 'r3 = 1', 'lock *(u64 *)(r2 + 0) += r3'];

/** A program that calls itself and another one by tail calls, from its main subprog and from others. */
const tails: Maker = (random) => {
  const subs = Array.from({ length: random.below(3) }, (_, i) => `tails_sub${i + 1}`);
  const store = (): string => `*(u8 *)(r10 - ${random.pick([1, 8, 9, 16, 40, 47])}) = 1`;
  const call = (sub: string): string[] => ['r1 = r6', `call ${sub}`, 'r7 += r0'];
  const pieces = several(random, 3, () => {
    const kind = random.below(4);
    if (kind === 0) return [store()];
    if (kind === 1) return ['call bpf_ktime_get_ns'];
    return tailCall(random);
  });
  const at = random.below(pieces.length + 1);
  const main = [...pieces.slice(0, at).flat(), ...subs.flatMap(call), ...pieces.slice(at).flat()];
  const lines = [
    'tails_main:',
    ...['r6 = r1', 'r7 = 1', ...COUNT, ...main, 'r0 = r7', 'exit'],
    ...subs.flatMap((sub) => {
      const extra = random.once(2) ? [store()] : [];
      return [`${sub}:`, 'r6 = r1', ...extra, ...several(random, 2, () => tailCall(random)).flat(), 'r0 = 100', 'exit'];
    }),
  ];
  const type = random.pick(['kprobe', 'tracepoint', 'sched_cls']);
  const traced = subs.length > 0 && random.once(2);
  return {
    events: [...(traced ? [`fentry: tails.${random.pick(subs)}`] : []), 'run: tails'],
    programs: [
      { name: 'tails', lines: [`    type: ${type}`, '    asm: |', ...indented(lines)] },
      { name: 'next', lines: [`    type: ${type}`, '    asm: "next_main: r0 = 7; exit"'] },
    ],
    maps: ['jmp: { prog_array: { 0: tails, 2: next }, entries: 4 }', 'runs: { size: 8 }'],
    result: null,
  };
};

/** Nobody's memory: the direct map, the hole, user memory, the end of the address space. */
const NOWHERE = ['0xffff888000000000', '0x8000000000000000', '0x40', '0x7fffffffe000', '0xffffffffff600000'];
const INTO = [1, 2, 3, 4, 5, 7, 8, 9];

/**
 * Loads through pointers for which the verifier does not vouch: 0 from where nobody's memory is, and the context as an
 * ordinary load has it.
 */
const probes: Maker = (random) => {
  const load = (): string[] => {
    const [dst, base, other] = [random.pick(INTO), random.pick(INTO), random.pick(INTO)];
    const [size, signed] = [random.pick([64, 32, 16, 8]), random.once(3)];
    const [type, how] = size < 64 && signed ? [`s${size}`, 'probe_memsx'] : [`u${size}`, 'probe_mem'];
    const off = random.pick([0, 8, 120, 127, 128, -8, -128]);
    const fold = ['r0 *= 31', `r0 += r${dst}`];
    if (random.once(4)) {
      const at = `${type} *)(r6 + ${Math.abs(off)})`;
      return [`r${dst} = *(${at} ${how}`, ...fold, `r${other} = *(${at}`, `r0 -= r${other}`];
    }
    const at = `${type} *)(r${base} ${off < 0 ? '-' : '+'} ${Math.abs(off)})`;
    return [`r${base} = ${random.pick(NOWHERE)} ll`, `r${dst} = *(${at} ${how}`, ...fold];
  };
  const loads = several(random, 6, load);
  const lines = ['probes_main:', 'r6 = r1', 'r0 = 1', ...loads.flat(), 'exit'];
  const program = ['    type: raw_tracepoint', '    verifier_insns: true', '    asm: |', ...indented(lines)];
  return {
    events: ['run: probes'],
    programs: [{ name: 'probes', lines: program }],
    result: 31n ** BigInt(loads.length),
  };
};

const PAGE = 4096;
const INIT = '0102030405060708112233445566778899aabbccddeeff00';

/** Loads and stores in an arena of one page, and behind it, where stores are lost and loads give 0. */
const arena: Maker = (random) => {
  const bytes = Buffer.alloc(PAGE);
  bytes.write(INIT, 'hex');
  let result = 1n;
  const access = (): string[] => {
    const base = random.pick(INTO);
    const value = random.pick(INTO.filter((each) => each !== base));
    const [at, off, size] = [
      random.pick([0, 8, 16, 128, 4080, 4088, PAGE]),
      random.pick([0, 0, 8, 128]),
      random.pick([64, 32, 16, 8]),
    ];
    const place = `*(u${size} *)(r${base} + ${off})`;
    const pointer = [`r${base} = map[heap][0]+${at} ll`, `r${base} = addr_space_cast(r${base}, 0, 1)`];
    const isThere = at + off < PAGE;
    if (random.once(2)) {
      const stored = random.int32();
      const word = Buffer.alloc(8);
      word.writeBigInt64LE(BigInt(stored));
      if (isThere) word.copy(bytes, at + off, 0, size / 8);
      return [...pointer, `r${value} = ${stored}`, `${place} = r${value} probe_mem32`];
    }
    const loaded = isThere ? BigInt.asUintN(size, bytes.readBigUInt64LE(at + off)) : 0n;
    result = BigInt.asUintN(64, result * 31n + loaded);
    return [...pointer, `r${value} = ${place} probe_mem32`, 'r0 *= 31', `r0 += r${value}`];
  };
  const depth = random.pick([8, 64]);
  const lines = ['arena_main:', `*(u64 *)(r10 - ${depth}) = 0`, 'r0 = 1', ...several(random, 8, access).flat()];
  const all = [...lines, `r1 = *(u64 *)(r10 - ${depth})`, 'r0 += r1', 'exit'];
  const program = ['    type: raw_tracepoint', '    verifier_insns: true', '    asm: |', ...indented(all)];
  return {
    events: ['run: in_arena'],
    programs: [{ name: 'in_arena', lines: program }],
    maps: [`heap: { arena: true, size: ${PAGE}, init: "${INIT}" }`],
    result,
  };
};

/** A program of a trampoline that would be run inside itself, if the trampoline let it. */
const tracer: Maker = (random, subprog) => {
  const tree = [`trace_main ${random.pick([8, 64, 128])}`, ...(random.once(2) ? ['  bpf_ktime_get_ns'] : [])];
  return {
    events: ['interrupt: every instruction of tracer.trace_main, run: tracer', `fentry: prog.${subprog}, run: tracer`],
    programs: [{ name: 'tracer', lines: ['    type: tracing', '    tree: |', ...indented(tree)] }],
  };
};

/** An extension that throws: whoever called what it replaces goes on with the cookie. Its frame is not private. */
const thrower: Maker = (random, subprog) => {
  const tree = [`ext_main ${random.pick([0, 8, 16])}`, '  bpf_throw'];
  return {
    events: [`replace: prog.${subprog}, with: ext`, `throw: ${random.below(100)}, in: ext.ext_main`],
    programs: [{ name: 'ext', lines: ['    type: ext', '    tree: |', ...indented(tree)] }],
    global: subprog,
    result: null,
  };
};

export const COMPANIONS: readonly Maker[] = [tails, tails, probes, arena, tracer, thrower];
