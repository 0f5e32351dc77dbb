import type { Insn } from '../bpf';
import { type Blocks, blocksOf } from './blocks';
import { meet, ROW, type Row, step } from './values';

/** Sees each instruction that control can reach once, in program order, with what the registers hold before it. */
export type Visit = (insn: Insn, pc: number, row: Row) => void;

/** How often a block is entered again because a pointer is lower on another path; a bound for contrived programs. */
const MAX_LOWERED = 32;

/** There is one, for all subprogs, as there is one set of blocks. */
class Follower {
  /** What the registers hold. */
  private readonly row: Row = new Int32Array(ROW);
  /** By block, what they hold where it begins. */
  private states = new Int32Array(0);
  private reached = new Uint8Array(0);
  private waiting = new Uint8Array(0);
  private lowered = new Uint8Array(0);
  private readonly work: number[] = [];

  private begin(count: number): void {
    if (count > this.reached.length) {
      const room = Math.max(count, 2 * this.reached.length, 64);
      this.states = new Int32Array(room * ROW);
      this.reached = new Uint8Array(room);
      this.waiting = new Uint8Array(room);
      this.lowered = new Uint8Array(room);
    }
    this.reached.fill(0, 0, count);
    this.waiting.fill(0, 0, count);
    this.lowered.fill(0, 0, count);
    this.states.fill(0, 0, ROW);
    this.reached[0] = 1;
    this.work.length = 0;
    this.work.push(0);
  }

  private learnt(from: number, block: number): boolean {
    const { row, states, reached, lowered } = this;
    if (!reached[block]) {
      reached[block] = 1;
      for (let i = 0, to = block * ROW; i < ROW; i++) states[to + i] = row[i]!;
      return true;
    }
    const met = meet(states, block * ROW, row, block > from && lowered[block]! < MAX_LOWERED);
    if (met === 'lowered') lowered[block]!++;
    return met !== 'same';
  }

  private enter(from: number, block: number): void {
    if (block < 0 || !this.learnt(from, block) || this.waiting[block]) return;
    this.waiting[block] = 1;
    this.work.push(block);
  }

  private load(block: number): void {
    const { row, states } = this;
    for (let i = 0, from = block * ROW; i < ROW; i++) row[i] = states[from + i]!;
  }

  /** Until nothing new is learnt. */
  learn(insns: readonly Insn[], { count, starts, next, target }: Blocks): void {
    this.begin(count);
    const { work, row } = this;
    // In the order in which they are found, the block that follows before the one that is jumped to.
    for (let i = 0; i < work.length; i++) {
      const block = work[i]!;
      this.waiting[block] = 0;
      this.load(block);
      for (let j = starts[block]!; j < starts[block + 1]!; j++) step(row, insns[j]!);
      this.enter(block, next[block]!);
      this.enter(block, target[block]!);
    }
  }

  show(insns: readonly Insn[], { count, starts, pcs }: Blocks, visit: Visit): void {
    const { row } = this;
    for (let block = 0; block < count; block++) {
      if (!this.reached[block]) continue;
      this.load(block);
      for (let i = starts[block]!; i < starts[block + 1]!; i++) {
        visit(insns[i]!, pcs[i]!, row);
        step(row, insns[i]!);
      }
    }
  }
}

const FOLLOWER = new Follower();

/**
 * Follows a subprog from its first instruction until nothing new is learnt, then shows it to `visit`, which does not follow
 * another one.
 *
 * What is known of a register only ever changes in one direction (a constant, nothing, a frame pointer, a lower one), so that a
 * block is entered a limited number of times.
 */
export function follow(insns: readonly Insn[], endsHere: (insn: Insn) => boolean, visit: Visit): void {
  if (insns.length === 0) return;
  const blocks = blocksOf(insns, endsHere);
  FOLLOWER.learn(insns, blocks);
  FOLLOWER.show(insns, blocks, visit);
}
