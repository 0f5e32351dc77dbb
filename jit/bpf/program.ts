import { type Insn, slots } from './insn';

/** A function of a program: the main subprog, a static or global subprog, or a callback. */
export interface Subprog {
  readonly name: string;
  readonly insns: readonly Insn[];
  /** A global function: verified on its own, may be replaced by an extension program. */
  readonly isGlobal?: boolean;
}

/** The same subprog with other instructions. */
export const withInsns = ({ name, isGlobal }: Subprog, insns: readonly Insn[]): Subprog =>
  isGlobal === undefined ? { name, insns } : { name, insns, isGlobal };

/** What the verifier would be handed: subprogs[0] is the main subprog. Calls name subprogs by index. */
export interface Program {
  readonly name: string;
  readonly subprogs: readonly Subprog[];
  /** Names of the kfuncs that calls refer to by index. */
  readonly kfuncs: readonly string[];
  /** Names of the maps that ld_imm64 refers to by index. */
  readonly maps: readonly string[];
}

/** The pc (slot number) of each instruction, and of the end: `pcs[insns.length]` is the number of slots. */
export function pcsOf(insns: readonly Insn[]): number[] {
  const pcs = [0];
  let pc = 0;
  for (const insn of insns) {
    pc += slots(insn);
    pcs.push(pc);
  }
  return pcs;
}
