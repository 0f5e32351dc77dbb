import type { Insn } from '../bpf';
import { blocksOf } from './blocks';
import { meet, ROW, type Row, step } from './values';

/** Sees each instruction that control can reach once, in program order, with what the registers hold before it. */
export type Visit = (insn: Insn, pc: number, row: Row) => void;

const zeros = (length: number): number[] => new Array<number>(length).fill(0);

/** How often a block is entered again because a pointer is lower on another path; a bound for contrived programs. */
const MAX_LOWERED = 32;

/**
 * Follows a subprog from its first instruction until nothing new is learnt, then shows it to `visit`.
 *
 * What is known of a register only ever changes in one direction (a constant, nothing, a frame pointer, a lower one), so that a
 * block is entered a limited number of times.
 */
export function follow(insns: readonly Insn[], endsHere: (insn: Insn) => boolean, visit: Visit): void {
  if (insns.length === 0) return;
  const { starts, next, target, pcs } = blocksOf(insns, endsHere);
  const count = next.length;
  const states = zeros(count * ROW);
  const reached = zeros(count);
  const waiting = zeros(count);
  const lowered = zeros(count);
  const row: Row = zeros(ROW);
  const work = [0];
  reached[0] = 1;

  const learnt = (from: number, block: number): boolean => {
    if (!reached[block]) {
      reached[block] = 1;
      for (let i = 0, to = block * ROW; i < ROW; i++) states[to + i] = row[i]!;
      return true;
    }
    const met = meet(states, block * ROW, row, block > from && lowered[block]! < MAX_LOWERED);
    if (met === 'lowered') lowered[block]!++;
    return met !== 'same';
  };
  const enter = (from: number, block: number): void => {
    if (block < 0 || !learnt(from, block) || waiting[block]) return;
    waiting[block] = 1;
    work.push(block);
  };
  const load = (block: number): void => {
    for (let i = 0, from = block * ROW; i < ROW; i++) row[i] = states[from + i]!;
  };

  // In the order in which they are found, the block that follows before the one that is jumped to.
  for (let i = 0; i < work.length; i++) {
    const block = work[i]!;
    waiting[block] = 0;
    load(block);
    for (let j = starts[block]!; j < starts[block + 1]!; j++) step(row, insns[j]!);
    enter(block, next[block]!);
    enter(block, target[block]!);
  }
  for (let block = 0; block < count; block++) {
    if (!reached[block]) continue;
    load(block);
    for (let i = starts[block]!; i < starts[block + 1]!; i++) {
      visit(insns[i]!, pcs[i]!, row);
      step(row, insns[i]!);
    }
  }
}
