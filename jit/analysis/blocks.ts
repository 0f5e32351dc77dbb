import { BPF_EXIT, BPF_JA, BPF_JMP, BPF_JMP32, type Insn, jumpDistance, pcsOf } from '../bpf';

/**
 * The basic blocks of a subprog, as arrays by block: a subprog may have as many blocks as instructions. Plain arrays: most
 * subprogs are small, and typed ones take longer to allocate than all the rest.
 * Block b holds the instructions from `starts[b]` up to `starts[b + 1]`.
 */
export interface Blocks {
  readonly starts: readonly number[];
  /** The block that follows without a jump, or -1. */
  readonly next: readonly number[];
  /** The block that the last instruction jumps to, or -1. */
  readonly target: readonly number[];
  /** The slot of each instruction, and of the end. */
  readonly pcs: readonly number[];
}

const filled = (length: number, value: number): number[] => new Array<number>(length).fill(value);

const EXIT = BPF_JMP | BPF_EXIT;
const isGoto = ({ code }: Insn): boolean => code === (BPF_JMP | BPF_JA) || code === (BPF_JMP32 | BPF_JA);

/**
 * Splits a subprog into basic blocks. A jump to where no instruction begins goes nowhere.
 *
 * @param endsHere an instruction, not a jump, after which control does not go on.
 */
export function blocksOf(insns: readonly Insn[], endsHere: (insn: Insn) => boolean): Blocks {
  const pcs = pcsOf(insns);
  const atPc = filled(pcs[insns.length]! + 1, -1);
  for (let i = 0; i < insns.length; i++) atPc[pcs[i]!] = i;

  const leads = filled(insns.length + 1, 0);
  const jumps = filled(insns.length, -1);
  leads[0] = 1;
  for (let i = 0; i < insns.length; i++) {
    const insn = insns[i]!;
    const distance = jumpDistance(insn);
    if (distance !== undefined) {
      const to = atPc[pcs[i]! + 1 + distance] ?? -1;
      jumps[i] = to;
      if (to >= 0) leads[to] = 1;
    }
    if (distance !== undefined || insn.code === EXIT || endsHere(insn)) leads[i + 1] = 1;
  }

  const blockAt = filled(insns.length + 1, -1);
  const starts: number[] = [];
  for (let i = 0; i < insns.length; i++) {
    if (leads[i]) starts.push(i);
    blockAt[i] = starts.length - 1;
  }
  const count = starts.length;
  const next = filled(count, -1);
  const target = filled(count, -1);
  starts.push(insns.length);
  for (let block = 0; block < count; block++) {
    const last = starts[block + 1]! - 1;
    const insn = insns[last]!;
    if (jumps[last]! >= 0) target[block] = blockAt[jumps[last]!]!;
    if (!isGoto(insn) && insn.code !== EXIT && !endsHere(insn) && block + 1 < count) next[block] = block + 1;
  }
  return { starts, next, target, pcs };
}
