import { type Insn, type Program, pcsOf, slots } from '../../jit';
import type { Resolver } from './options';
import type { Step, StepMaker } from './step';
import { ALU_STEPS } from './steps-alu';
import { ATOMIC_STEPS } from './steps-atomic';
import { JUMP_STEPS } from './steps-jump';
import { MEMORY_STEPS } from './steps-memory';

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

function stepOf(insn: Insn, next: number, resolver: Resolver): Step {
  const known = insn.dst < REGISTERS && insn.src < REGISTERS;
  return (known && MAKERS[insn.code]?.(insn, next, resolver)) || meaningless;
}

function stepsOf(insns: readonly Insn[], resolver: Resolver): Step[] {
  const pcs = pcsOf(insns);
  const steps: Step[] = [];
  insns.forEach((insn, i) => {
    steps.push(stepOf(insn, pcs[i]! + slots(insn), resolver));
    if (slots(insn) === 2) steps.push(insideWide);
  });
  return steps;
}

export function codeOf(program: Program, resolver: Resolver): Code {
  return { program, resolver, steps: program.subprogs.map(({ insns }) => stepsOf(insns, resolver)) };
}
