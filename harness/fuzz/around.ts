import { HELPERS as KERNEL_HELPERS } from '../../jit';
import type { Random } from '../kernel-image/random';
import { COMPANIONS } from './companions';
import type { FuzzProgram, FuzzSubprog } from './program';
import { insnsOf } from './shrink-tree';

/** What the kernel does around a run besides calling it. Only a machine that is watched can do it. */
export interface Around {
  /** Events of a scenario, as a spec has them. */
  readonly events: readonly string[];
  /** Programs that take part, by name, and their lines in a spec. */
  readonly programs?: readonly { readonly name: string; readonly lines: readonly string[] }[];
  /** Maps of theirs, as lines of a spec. */
  readonly maps?: readonly string[];
  /** A subprog that has to be global for it. */
  readonly global?: string;
  /** A subprog that C code may call later. */
  readonly async?: string;
  /** What comes out, where that is not the program's own result; null where only the interpreter knows. */
  readonly result?: bigint | null;
}

const HELPERS = ['bpf_ktime_get_ns', 'bpf_jiffies64'];
const DEPTHS = [0, 8, 48, 56, 64, 120];

/** A program with frames and helpers of its own. */
function tree(random: Random, type: readonly string[], name: string): readonly string[] {
  const lines = [`${name}_main ${random.pick(DEPTHS)}`, `  ${random.pick(HELPERS)}`];
  if (random.once(2)) lines.push(`  ${name}_sub ${random.pick([0, 32, 64])}`, `    ${random.pick(HELPERS)}`);
  return [...type.map((line) => `    ${line}`), '    tree: |', ...lines.map((line) => `      ${line}`)];
}

const extension = (random: Random) => ({ name: 'ext', lines: tree(random, ['type: ext'], 'ext') });

/** Who interrupts: the program itself, or another one. */
function intruder(random: Random, type: string): Pick<Around, 'programs'> & { readonly run: string } {
  if (random.once(2)) return { run: 'prog' };
  return { run: 'other', programs: [{ name: 'other', lines: tree(random, [`type: ${type}`], 'other') }] };
}

type Maker = (random: Random, subprog: FuzzSubprog, program: FuzzProgram) => Around | null;

/** Something that interrupts at a point of a subprog. */
const interrupted =
  (pointOf: (subprog: FuzzSubprog) => string | null): Maker =>
  (random, subprog, { type }) => {
    const point = pointOf(subprog);
    if (point === null) return null;
    const { run, ...programs } = intruder(random, type);
    const cpu = random.once(2) ? 'same' : 'other';
    return { events: [`interrupt: ${point}, run: ${run}, cpu: ${cpu}`], ...programs };
  };

const CALL = 0x85;
const MOV = 0xbf;

/** A helper that a subprog calls, by name. */
function helperOf({ nodes }: FuzzSubprog): string | null {
  for (const { code, src, imm } of insnsOf(nodes))
    if (code === CALL && src === 0) return KERNEL_HELPERS.name(imm) ?? null;
  return null;
}

/** A callback that a timer might have, too: it does not look at the frame of whoever calls it. */
const fired: Maker = (random, _, { subprogs }) => {
  const fit = subprogs.filter(({ name, nodes }) => {
    return name.startsWith('callback') && ![...insnsOf(nodes)].some(({ code, src }) => code === MOV && src === 2);
  });
  if (fit.length === 0) return null;
  const { name } = random.pick(fit);
  const events = ['run: prog', `fire: prog.${name}`, ...(random.once(2) ? [`fire: prog.${name}, cpu: 1`] : [])];
  return { events, async: name, result: null };
};

const MAKERS: readonly Maker[] = [
  interrupted(({ name }) => `every instruction of prog.${name}`),
  interrupted(({ name }) => `every instruction of prog.${name}`),
  interrupted(({ name }) => `before the frame pointer of prog.${name}`),
  interrupted(({ name }) => `epilogue of prog.${name}`),
  interrupted((subprog) => {
    const helper = helperOf(subprog);
    return helper === null ? null : `call of ${helper} in prog.${subprog.name}`;
  }),
  (_, { name }) => ({ events: [`fentry: prog.${name}`] }),
  (_, { name }) => ({ events: [`fexit: prog.${name}`] }),
  (random, { name }) => ({
    events: [`fentry: prog.${name}, run: tracer`],
    programs: [{ name: 'tracer', lines: tree(random, ['type: tracing', 'attach_type: fentry'], 'tracer') }],
  }),
  (random, { name }) => ({
    events: [`replace: prog.${name}, with: ext`],
    programs: [extension(random)],
    global: name,
    result: null,
  }),
  (random, { name }) => ({
    events: [`replace: prog.${name}, with: ext`, 'interrupt: every instruction of prog.main, run: prog, cpu: other'],
    programs: [extension(random)],
    global: name,
    result: null,
  }),
  (_, _subprog, { type }) => ({
    events: ['run: first'],
    programs: [
      {
        name: 'first',
        lines: [
          `    type: ${type}`,
          '    asm: "first_main: r2 = map[jmp] ll; r3 = 0; call bpf_tail_call; r0 = 1; exit"',
        ],
      },
    ],
    maps: ['jmp: { prog_array: { 0: prog } }'],
    result: null,
  }),
  fired,
  fired,
  fired,
  () => ({ events: ['run: prog', 'run: prog, cpu: 1', 'run: prog'], result: null }),
];

/** Something that happens around a run of the program: with what it needs, and where. */
export function generateAround(random: Random, program: FuzzProgram): Around | null {
  const { subprogs, exceptionCallback, kfuncs } = program;
  // Nothing attaches to an exception callback, and only what is called as a function can be replaced.
  const places = subprogs.filter(({ name }, i) => i !== exceptionCallback && !name.startsWith('callback'));
  const place = random.pick(places);
  const around = random.once(2)
    ? random.pick(COMPANIONS)(random, place.name)
    : random.pick(MAKERS)(random, place, program);
  // The unwinder does not get past C code, under any policy.
  if (kfuncs.includes('bpf_throw') && around?.events.some((each) => each.startsWith('fexit'))) return null;
  return around?.global === 'main' ? null : around;
}
