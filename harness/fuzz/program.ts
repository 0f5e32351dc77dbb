import { BPF_CALL, BPF_JMP, BPF_PSEUDO_CALL, BPF_PSEUDO_FUNC, type Insn, isLdImm64, type Program } from '../../jit';
import type { ProgramType } from '../spec';
import { flatten, type Node } from './nodes';

/** A subprog as it was generated. */
export interface FuzzSubprog {
  readonly name: string;
  readonly nodes: readonly Node[];
}

/** A program as it was generated; the first subprog is the main one. */
export interface FuzzProgram {
  readonly type: ProgramType;
  readonly subprogs: readonly FuzzSubprog[];
  readonly kfuncs: readonly string[];
  /** Index of the subprog that catches what is thrown; without one the kernel adds its own. */
  readonly exceptionCallback: number | undefined;
}

const isSubprogCall = ({ code, src }: Insn): boolean => code === (BPF_JMP | BPF_CALL) && src === BPF_PSEUDO_CALL;
const isFunc = (insn: Insn): boolean => isLdImm64(insn) && insn.src === BPF_PSEUDO_FUNC;

/** Subprogs that an instruction refers to. */
export function referenceOf(insn: Insn): number | undefined {
  if (isSubprogCall(insn)) return insn.imm;
  return isFunc(insn) ? Number(insn.imm64) : undefined;
}

/** What the verifier would be handed. */
export function programOf({ subprogs, kfuncs, exceptionCallback }: FuzzProgram): Program {
  return {
    name: 'prog',
    subprogs: subprogs.map(({ name, nodes }, i) => {
      return { name, insns: flatten(nodes), isGlobal: i === exceptionCallback };
    }),
    kfuncs,
    maps: [],
  };
}
