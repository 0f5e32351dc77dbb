import {
  aluOp,
  BPF_CALL,
  BPF_EXIT,
  BPF_JA,
  BPF_JMP32,
  type Insn,
  insnClass,
  isJmp,
  pcsOf,
  type Subprog,
  withImm,
  withInsns,
  withOff,
} from '../bpf';

/** A subprog with some of its instructions replaced. */
export interface Patched {
  readonly subprog: Subprog;
  /** For each instruction the slot of the original one that it is, or stands for; 0 for what was put in front. */
  readonly origins: readonly number[];
}

/** An instruction that takes another's place. */
export interface PatchInsn {
  readonly insn: Insn;
  /** Where it jumps to, as a slot of the original subprog; its other jumps stay inside the patch. */
  readonly target?: number;
}

/** What takes the place of one instruction; null leaves it as it is. */
export type Patch = readonly (Insn | PatchInsn)[] | null;

const isPlaced = (each: Insn | PatchInsn): each is PatchInsn => 'insn' in each;

const usesImm = (insn: Insn): boolean => insnClass(insn) === BPF_JMP32 && aluOp(insn) === BPF_JA;

/** Slots that a jump goes beyond the next instruction; null for what is no jump. */
function distance(insn: Insn): number | null {
  if (!isJmp(insn) || aluOp(insn) === BPF_CALL || aluOp(insn) === BPF_EXIT) return null;
  return usesImm(insn) ? insn.imm : insn.off;
}

function withDistance(insn: Insn, slots: number): Insn {
  if (usesImm(insn)) return insn.imm === slots ? insn : withImm(insn, slots);
  return insn.off === slots ? insn : withOff(insn, slots);
}

/**
 * Replaces instructions and lets jumps follow: what was jumped to is then the start of what replaced it
 * (bpf_patch_insn_data(), bpf_adj_branches()).
 * @param before instructions in front of the first one; jumps to the first go behind them
 */
export function patchSubprog(
  subprog: Subprog,
  before: readonly Insn[],
  patchOf: (insn: Insn, at: number) => Patch,
): Patched {
  const { insns } = subprog;
  const pcs = pcsOf(insns);
  let isSame = before.length === 0;
  const placed: Insn[] = [...before];
  const origins = before.map(() => 0);
  /** By slot of the original, the instruction at which what stands for it begins. */
  const starts: number[] = [];
  /** Instructions that jump, and the slots of the original that they jump to. */
  const jumps: number[] = [];
  const targets: number[] = [];
  for (let i = 0; i < insns.length; i++) {
    const insn = insns[i]!;
    const pc = pcs[i]!;
    starts[pc] = placed.length;
    const patch = patchOf(insn, i);
    if (patch === null) {
      const slots = distance(insn);
      if (slots !== null) {
        jumps.push(placed.length);
        targets.push(pc + 1 + slots);
      }
      placed.push(insn);
    } else {
      isSame = false;
      for (const each of patch) {
        if (isPlaced(each) && each.target !== undefined) {
          jumps.push(placed.length);
          targets.push(each.target);
        }
        placed.push(isPlaced(each) ? each.insn : each);
      }
    }
    while (origins.length < placed.length) origins.push(pc);
  }
  if (isSame) return { subprog, origins };
  const newPcs = pcsOf(placed);
  for (let i = 0; i < jumps.length; i++) {
    const at = jumps[i]!;
    placed[at] = withDistance(placed[at]!, newPcs[starts[targets[i]!]!]! - newPcs[at]! - 1);
  }
  return { subprog: withInsns(subprog, placed), origins };
}
