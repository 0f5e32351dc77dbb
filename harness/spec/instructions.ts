import type { Hints } from './issues';
import {
  BPF_CALL,
  BPF_HELPER_CALL,
  BPF_JMP,
  BPF_PSEUDO_CALL,
  HELPERS,
  type Insn,
  type Program,
  pcsOf,
  type Subprog,
} from './jit';

/** What is wrong with a name or a number that stands for an instruction. */
export type Problem = { readonly message: string } & Hints;

const isCall = ({ code }: Insn): boolean => code === (BPF_JMP | BPF_CALL);
const isTailCall = ({ src, imm }: Insn): boolean => src === BPF_HELPER_CALL && imm === HELPERS.id('bpf_tail_call');

/** Says that no instruction begins at a pc, undefined where one does. */
export function pcProblem({ name, insns }: Subprog, pc: number): Problem | undefined {
  const pcs = pcsOf(insns).slice(0, -1);
  if (pcs.includes(pc)) return undefined;
  const expected = `the start of an instruction, 0 to ${pcs[pcs.length - 1]}`;
  return { message: `no instruction at pc ${pc} of ${name}`, expected };
}

/** What a subprog calls, call by call in the order of its text: subprogs, helpers and kfuncs. */
export const calledNames = ({ insns }: Subprog, program: Program): string[] =>
  insns.filter(isCall).map((insn) => calleeName(insn, program));

/** The calls of a subprog that lead to C code and back: those of helpers and kfuncs, by name. */
export const calledKernelNames = ({ insns }: Subprog, program: Program): string[] =>
  insns
    .filter((insn) => isCall(insn) && insn.src !== BPF_PSEUDO_CALL && !isTailCall(insn))
    .map((insn) => calleeName(insn, program));

/** How many calls a subprog makes, tail calls aside: those become jumps. */
export const callCount = ({ insns }: Subprog): number =>
  insns.filter((insn) => isCall(insn) && !isTailCall(insn)).length;

function calleeName({ src, imm }: Insn, program: Program): string {
  if (src === BPF_PSEUDO_CALL) return program.subprogs[imm]!.name;
  return (src === BPF_HELPER_CALL ? HELPERS.name(imm) : program.kfuncs[imm]) ?? `${imm}`;
}
