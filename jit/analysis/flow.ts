import type { Insn } from '../bpf';
import { blocksOf } from './blocks';
import { meet, ROW, type Row, step } from './values';

/** Sees each instruction that control can reach once, in program order, with what the registers hold before it. */
export type Visit = (insn: Insn, pc: number, row: Row) => void;

/**
 * Follows a subprog from its first instruction until nothing new is learnt, then shows it to `visit`.
 *
 * A register only ever loses what is known of it, so that a block is entered at most once more than there are registers.
 */
export function follow(insns: readonly Insn[], endsHere: (insn: Insn) => boolean, visit: Visit): void {
  if (insns.length === 0) return;
  const { starts, next, target, pcs } = blocksOf(insns, endsHere);
  const count = next.length;
  const states = new Int32Array(count * ROW);
  const reached = new Uint8Array(count);
  const waiting = new Uint8Array(count);
  const row: Row = new Int32Array(ROW);
  const work = [0];
  reached[0] = 1;

  const enter = (block: number): void => {
    if (block < 0) return;
    if (!reached[block]) {
      reached[block] = 1;
      states.set(row, block * ROW);
    } else if (!meet(states, block * ROW, row)) return;
    if (waiting[block]) return;
    waiting[block] = 1;
    work.push(block);
  };
  const load = (block: number): void => row.set(states.subarray(block * ROW, (block + 1) * ROW));

  for (let block = work.pop(); block !== undefined; block = work.pop()) {
    waiting[block] = 0;
    load(block);
    for (let i = starts[block]!; i < starts[block + 1]!; i++) step(row, insns[i]!);
    enter(next[block]!);
    enter(target[block]!);
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
