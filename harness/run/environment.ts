import { Gpr, type GprName, roundUp } from '../../jit';
import { junk } from '../machine/junk';
import type { SubprogRef, TermEnvironment } from '../spec';
import type { Activation } from './activations';
import { kernelFrame, plannedFrame, privateBlock, privateFramePointer } from './frames';
import type { Run, World } from './run';

/** What is known of a run when a term is evaluated: nothing of its activations while it goes on. */
export interface Moment {
  readonly cpu: number;
  /** Index of the program that was entered. */
  readonly program: number;
  readonly activations: readonly Activation[];
  /** The caller's registers by hardware name. */
  caller(register: string): bigint | undefined;
}

/** The values of a spec's terms in a world. */
export function termEnvironment(world: World, moment: Moment): TermEnvironment {
  const find = ({ program, subprog }: SubprogRef): [number, number] => {
    const index = world.programs.findIndex(({ name }) => name === program);
    return [index, world.programs[index]!.program.subprogs.findIndex(({ name }) => name === subprog)];
  };
  const latest = (program: number, subprog: number) =>
    moment.activations.findLast((each) => each.program === program && each.subprog === subprog);
  return {
    privateStackPtr: () => {
      const { analysis } = world.programs[moment.program]!;
      const root = analysis.blocks[0]?.owner;
      return root === undefined ? undefined : privateBlock(world, moment.program, root, moment.cpu);
    },
    block: (ref, cpu = moment.cpu) => privateBlock(world, ...find(ref), cpu),
    framePointer: (ref, cpu = moment.cpu) => {
      const [program, subprog] = find(ref);
      const activation = latest(program, subprog);
      if (activation && cpu === activation.cpu) return plannedFrame(world, activation);
      return privateFramePointer(world, program, subprog, cpu);
    },
    kernelStack: (ref) => {
      const activation = latest(...find(ref));
      return activation && kernelFrame(activation);
    },
    depth: (ref) => {
      const [program, subprog] = find(ref);
      return BigInt(roundUp(world.programs[program]!.analysis.subprogs[subprog]!.stackDepth, 8));
    },
    junk: (label) => junk(world.seed, label),
    caller: (register) => moment.caller(register),
  };
}

/** The values of terms in a run as an activation sees them: of what had been entered when it was. */
export function environmentOf(
  { world, program, before }: Run,
  all: readonly Activation[],
  { index, cpu }: Activation,
): TermEnvironment {
  const caller = (register: string) => before[Gpr[register as GprName]];
  return termEnvironment(world, { cpu, program, activations: all.slice(0, index + 1), caller });
}
