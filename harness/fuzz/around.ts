import type { Random } from '../kernel-image/random';
import type { FuzzProgram } from './program';

/** What the kernel does around a run besides calling it. Only a machine that is watched can do it. */
export interface Around {
  /** An event of a scenario, as a spec has it. */
  readonly event: string;
  /** A program that takes part, by name, and its lines in a spec. */
  readonly program?: { readonly name: string; readonly lines: readonly string[] };
  /** A subprog that has to be global for it. */
  readonly global?: string;
  /** The result is not the program's own. */
  readonly changes?: true;
}

const HELPERS = ['bpf_ktime_get_ns', 'bpf_jiffies64'];

/** An extension with frames and helpers of its own. */
function extension(random: Random): readonly string[] {
  const tree = [`ext_main ${random.pick([0, 8, 48, 56, 64, 120])}`, `  ${random.pick(HELPERS)}`];
  if (random.once(2)) tree.push(`  ext_sub ${random.pick([0, 32, 64])}`, `    ${random.pick(HELPERS)}`);
  return ['    type: ext', '    tree: |', ...tree.map((line) => `      ${line}`)];
}

type Maker = (random: Random, subprog: string) => Around;

const MAKERS: readonly Maker[] = [
  (_, subprog) => ({ event: `interrupt: every instruction of prog.${subprog}, run: prog, cpu: other` }),
  (_, subprog) => ({ event: `interrupt: every instruction of prog.${subprog}, run: prog, cpu: same` }),
  (_, subprog) => ({ event: `interrupt: before the frame pointer of prog.${subprog}, run: prog, cpu: other` }),
  (_, subprog) => ({ event: `fentry: prog.${subprog}` }),
  (_, subprog) => ({ event: `fexit: prog.${subprog}` }),
  (random, subprog) => ({
    event: `replace: prog.${subprog}, with: ext`,
    program: { name: 'ext', lines: extension(random) },
    global: subprog,
    changes: true,
  }),
];

/** Something that happens around a run of the program: with what it needs, and where. */
export function generateAround(random: Random, { subprogs, exceptionCallback, kfuncs }: FuzzProgram): Around | null {
  // Nothing attaches to an exception callback, and only what is called as a function can be replaced.
  const places = subprogs.filter(({ name }, i) => i !== exceptionCallback && !name.startsWith('callback'));
  const make = random.pick(MAKERS);
  const around = make(random, random.pick(places).name);
  // The unwinder does not get past C code, under any policy.
  if (kfuncs.length > 0 && around.event.startsWith('fexit')) return null;
  return around.global === 'main' ? null : around;
}
