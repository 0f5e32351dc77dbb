import { BPF_EXIT, BPF_JA, BPF_JMP, BPF_JMP32, type Insn, jumpDistance, slots } from '../bpf';

/**
 * The basic blocks of a subprog, as arrays by block: a subprog may have as many blocks as instructions.
 * Block b holds the instructions from `starts[b]` up to `starts[b + 1]`.
 */
export interface Blocks {
  readonly count: number;
  readonly starts: Int32Array;
  /** The block that follows without a jump, or -1. */
  readonly next: Int32Array;
  /** The block that the last instruction jumps to, or -1. */
  readonly target: Int32Array;
  /** The slot of each instruction. */
  readonly pcs: Int32Array;
}

const EXIT = BPF_JMP | BPF_EXIT;
const isGoto = ({ code }: Insn): boolean => code === (BPF_JMP | BPF_JA) || code === (BPF_JMP32 | BPF_JA);
const isJumpClass = ({ code }: Insn): boolean => (code & 0x07) === BPF_JMP || (code & 0x07) === BPF_JMP32;

/** No instruction, no block. */
const NONE = -1;

/** There is one, for all subprogs: most are small, and arrays would take longer to allocate than all the rest takes. */
class Splitter implements Blocks {
  count = 0;
  starts = new Int32Array(0);
  next = new Int32Array(0);
  target = new Int32Array(0);
  pcs = new Int32Array(0);
  /** By slot, the instruction that begins there. */
  private atPc = new Int32Array(0);
  /** By instruction: whether a block begins with it, where it jumps to, and the block that it is in. */
  private leads = new Uint8Array(0);
  private jumps = new Int32Array(0);
  private blockAt = new Int32Array(0);

  private makeRoom(insns: number): void {
    if (insns < this.leads.length) return;
    const room = Math.max(insns + 1, 2 * this.leads.length, 256);
    const array = () => new Int32Array(room);
    [this.starts, this.next, this.target, this.pcs] = [array(), array(), array(), array()];
    [this.jumps, this.blockAt, this.leads] = [array(), array(), new Uint8Array(room)];
    this.atPc = new Int32Array(2 * room);
  }

  private place(insns: readonly Insn[]): number {
    const { pcs, atPc } = this;
    let pc = 0;
    for (let i = 0; i < insns.length; i++) {
      pcs[i] = pc;
      atPc[pc] = i;
      if (slots(insns[i]!) === 2) atPc[pc + 1] = NONE;
      pc += slots(insns[i]!);
    }
    return pc;
  }

  private findJumps(insns: readonly Insn[], end: number, endsHere: (insn: Insn) => boolean): void {
    const { pcs, atPc, leads, jumps } = this;
    leads.fill(0, 0, insns.length + 1);
    leads[0] = 1;
    for (let i = 0; i < insns.length; i++) {
      const insn = insns[i]!;
      jumps[i] = NONE;
      if (!isJumpClass(insn)) continue;
      const distance = jumpDistance(insn);
      if (distance !== undefined) {
        const pc = pcs[i]! + 1 + distance;
        const to = pc >= 0 && pc < end ? atPc[pc]! : NONE;
        jumps[i] = to;
        if (to >= 0) leads[to] = 1;
      }
      if (distance !== undefined || insn.code === EXIT || endsHere(insn)) leads[i + 1] = 1;
    }
  }

  split(insns: readonly Insn[], endsHere: (insn: Insn) => boolean): void {
    this.makeRoom(insns.length);
    this.findJumps(insns, this.place(insns), endsHere);
    const { starts, next, target, leads, jumps, blockAt } = this;
    let count = 0;
    for (let i = 0; i < insns.length; i++) {
      if (leads[i]) starts[count++] = i;
      blockAt[i] = count - 1;
    }
    starts[count] = insns.length;
    this.count = count;
    for (let block = 0; block < count; block++) {
      const last = starts[block + 1]! - 1;
      const insn = insns[last]!;
      target[block] = jumps[last]! >= 0 ? blockAt[jumps[last]!]! : NONE;
      const stops = isJumpClass(insn) && (isGoto(insn) || insn.code === EXIT || endsHere(insn));
      next[block] = !stops && block + 1 < count ? block + 1 : NONE;
    }
  }
}

const SPLITTER = new Splitter();

/**
 * Splits a subprog into basic blocks. A jump to where no instruction begins goes nowhere. What is returned holds until the
 * next call.
 *
 * @param endsHere an instruction of a jump's class, not a jump, after which control does not go on.
 */
export function blocksOf(insns: readonly Insn[], endsHere: (insn: Insn) => boolean): Blocks {
  SPLITTER.split(insns, endsHere);
  return SPLITTER;
}
