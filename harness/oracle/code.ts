import { type Insn, type Program, pcsOf, slots } from '../../jit';
import type { InterpretOptions, KernelState, Resolver } from './options';
import type { Step, StepMaker } from './step';
import { ALU_STEPS } from './steps-alu';
import { ATOMIC_STEPS } from './steps-atomic';
import { JUMP_STEPS } from './steps-jump';
import { MEMORY_STEPS } from './steps-memory';
import { watchedStep } from './watch';

const MAKERS: Readonly<Record<number, StepMaker>> = { ...ALU_STEPS, ...MEMORY_STEPS, ...ATOMIC_STEPS, ...JUMP_STEPS };

/** Registers of an instruction that are there: r0 to r10, and the verifier's own. */
const REGISTERS = 12;

const meaningless: Step = (run) => run.fail('instruction', 'this instruction has no meaning');
const insideWide: Step = (run) => run.fail('instruction', 'this is the second half of a 64-bit load');

/** A program made ready to run. */
export interface Code {
  readonly program: Program;
  readonly resolver: Resolver;
  /** Of each subprog, by slot. */
  readonly steps: readonly (readonly Step[])[];
}

/** What a program is made ready with. */
export interface Preparation {
  readonly resolver: Resolver;
  /** Whether the run tells on what its path depends. */
  readonly watched: boolean;
  readonly before: NonNullable<InterpretOptions['before']>;
}

function stepOf(insn: Insn, next: number, { resolver, watched }: Preparation): Step {
  const known = insn.dst < REGISTERS && insn.src < REGISTERS;
  const step = (known && MAKERS[insn.code]?.(insn, next, resolver)) || meaningless;
  return watched && known ? watchedStep(insn, step) : step;
}

function stepsOf(program: Program, subprog: number, preparation: Preparation): Step[] {
  const { insns } = program.subprogs[subprog]!;
  const pcs = pcsOf(insns);
  const steps: Step[] = [];
  insns.forEach((insn, i) => {
    const pc = pcs[i]!;
    const step = stepOf(insn, pc + slots(insn), preparation);
    const first = preparation.before(program, subprog, pc);
    steps.push(first ? interrupted(first, step) : step);
    if (slots(insn) === 2) steps.push(insideWide);
  });
  return steps;
}

const interrupted =
  (by: (state: KernelState) => void, step: Step): Step =>
  (run) => {
    run.aside(by);
    return step(run);
  };

export function codeOf(program: Program, preparation: Preparation): Code {
  const steps = program.subprogs.map((_, subprog) => stepsOf(program, subprog, preparation));
  return { program, resolver: preparation.resolver, steps };
}
