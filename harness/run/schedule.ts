import { GPR_NAMES, X86_64 } from '../../jit';
import type { PlannedValues } from '../kernel/clobber';
import { junk } from '../machine/junk';
import { CONTEXT_BASE, CPUS, entryRsp } from '../machine/layout';
import { type Machine, REG } from '../machine/machine';
import { privateFramePointer } from './frames';
import type { World } from './run';

/** What a helper leaves where the ABI lets it. */
export interface Leftovers {
  /** Caller-saved registers by name, but for rax. */
  readonly registers: PlannedValues;
  readonly flags: bigint;
  /** Words below rsp, the nearest one first. */
  readonly below: readonly bigint[];
}

/** One way for everything that a program may not rely on: what helpers leave behind, and the junk around a run. */
export interface Schedule {
  /** Tells its junk from that of others. */
  readonly label: string;
  leftBy(call: { readonly name: string; readonly nth: number }): Leftovers;
}

/** Sets flags, and the words below rsp, once a helper has returned. */
export function leaveBehind({ flags, below }: Leftovers, machine: Pick<Machine, 'regs' | 'write64IfMapped'>): void {
  const { regs } = machine;
  regs[REG.rflags] = flags;
  below.forEach((value, i) => {
    machine.write64IfMapped(regs[REG.rsp]! - 8n * BigInt(i + 1), value);
  });
}

/** Registers that a helper may destroy, without the one of its result. */
const DESTROYED = X86_64.callerSaved.filter((each) => each !== X86_64.returnValue).map((each) => GPR_NAMES[each]!);

/** CF, PF, AF, ZF, SF and OF (SDM vol. 1, 3.4.3.1), and what is always set; DF must be clear at a return. */
const STATUS_FLAGS = 0x8d5n;
const ALWAYS = 0x202n;

const WORDS_BELOW = 4;

/** What else a register could well hold in a kernel that runs these programs: pointers to frames above all. */
function plausibleValues(world: World): readonly bigint[] {
  const cpus = Array.from({ length: CPUS }, (_, cpu) => cpu);
  const frames = world.programs.flatMap(({ analysis, blocks }, program) => [
    ...cpus.flatMap((cpu) =>
      analysis.subprogs.flatMap((_, subprog) => privateFramePointer(world, program, subprog, cpu) ?? []),
    ),
    ...blocks,
  ]);
  return [...frames, ...cpus.map((cpu) => entryRsp(cpu) - 64n), CONTEXT_BASE, 0n, 1n, (1n << 64n) - 1n];
}

/** How a schedule chooses, given junk and plausible values: junk alone, one wrong value everywhere, or anything. */
const CHOICES: readonly ((junk: bigint, nth: bigint, values: readonly bigint[]) => bigint)[] = [
  (own) => own,
  (_, nth, values) => values[Number(nth % BigInt(values.length))]!,
  (own, _, values) => (own & 8n ? own : values[Number((own >> 4n) % BigInt(values.length))]!),
];

/**
 * Schedule number `n` of a world: of three in a row the first has junk in all that helpers may destroy, the second the same
 * plausible wrong value, another one at each turn, the third some of each. The same for the same number.
 */
export function schedule(world: World, n: number): Schedule {
  const values = plausibleValues(world);
  const choose = CHOICES[n % CHOICES.length]!;
  const label = ` schedule ${n}`;
  return {
    label,
    leftBy({ name, nth }) {
      const call = `${name} ${nth}`;
      const turn = BigInt(Math.floor(n / CHOICES.length) + nth - 1);
      const value = (what: string) => choose(junk(n, `${call} ${what}`), turn, values);
      return {
        registers: new Map(DESTROYED.map((register) => [register, value(register)])),
        // The lowest and the highest bits of junk are always set.
        flags: ((junk(n, `${call} flags`) >> 16n) & STATUS_FLAGS) | ALWAYS,
        below: Array.from({ length: WORDS_BELOW }, (_, i) => value(`below ${i}`)),
      };
    },
  };
}
