import { aluOp, BPF_CALL, BPF_EXIT, BPF_JA, BPF_JMP32, type Insn, insnClass, isJmp, pcsOf, type Subprog } from '../bpf';

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

const withDistance = (insn: Insn, slots: number): Insn =>
  usesImm(insn) ? { ...insn, imm: slots } : { ...insn, off: slots };

/**
 * Replaces instructions and lets jumps follow: what was jumped to is then the start of what replaced it
 * (bpf_patch_insn_data(), bpf_adj_branches()).
 * @param before instructions in front of the first one; jumps to the first go behind them
 */
export function patchSubprog(subprog: Subprog, before: readonly Insn[], patches: readonly Patch[]): Patched {
  const { insns } = subprog;
  const pcs = pcsOf(insns);
  const items: PatchInsn[] = before.map((insn) => ({ insn }));
  const origins = before.map(() => 0);
  const starts = new Map<number, number>();
  insns.forEach((insn, i) => {
    starts.set(pcs[i]!, items.length);
    const patch = patches[i] ?? null;
    if (patch !== null) items.push(...patch.map((each) => (isPlaced(each) ? each : { insn: each })));
    else {
      const slots = distance(insn);
      items.push(slots === null ? { insn } : { insn, target: pcs[i]! + 1 + slots });
    }
    while (origins.length < items.length) origins.push(pcs[i]!);
  });
  const newPcs = pcsOf(items.map(({ insn }) => insn));
  const placed = items.map(({ insn, target }, i) =>
    target === undefined ? insn : withDistance(insn, newPcs[starts.get(target)!]! - newPcs[i]! - 1),
  );
  return { subprog: { ...subprog, insns: placed }, origins };
}
