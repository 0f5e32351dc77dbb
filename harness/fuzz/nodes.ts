import type { Insn } from '../../jit';
import { slots, withImm, withOff } from '../../jit';

/**
 * The code of a subprog as a tree, so that a part can be taken out of it and jumps still meet. A subprog call names its
 * callee by index, as in a `Program`.
 */
export type Node =
  /** Instructions that belong together and do not jump; `whole`: only among themselves, so that none can be taken out. */
  | { readonly kind: 'code'; readonly insns: readonly Insn[]; readonly whole?: true }
  /** `jump` skips `first`, behind which control goes on, past `second`; `ends`: `first` leaves the subprog instead. */
  | {
      readonly kind: 'branch';
      readonly setup: readonly Insn[];
      readonly jump: Insn;
      /** How to jump over `second`. */
      readonly over: Insn;
      readonly ends: boolean;
      readonly first: readonly Node[];
      readonly second: readonly Node[];
    }
  /** `setup`, then `body` and `step` until `jump`, which goes back to the start of the body, does not. */
  | {
      readonly kind: 'loop';
      readonly setup: readonly Insn[];
      readonly step: readonly Insn[];
      readonly jump: Insn;
      readonly body: readonly Node[];
    };

/** `goto` over a number of slots in either encoding: BPF_JMP32 | BPF_JA has its distance in imm. */
const GOTOL = 0x06;

function at(insn: Insn, distance: number): Insn {
  return insn.code === GOTOL ? withImm(insn, distance) : withOff(insn, distance);
}

/** Slots of instructions, from one of them on. */
function slotsFrom(insns: readonly Insn[], from: number): number {
  let sum = 0;
  for (let i = from; i < insns.length; i++) sum += slots(insns[i]!);
  return sum;
}

function append(insns: readonly Insn[], out: Insn[]): void {
  for (const insn of insns) out.push(insn);
}

function place(nodes: readonly Node[], out: Insn[]): void {
  for (const node of nodes) {
    if (node.kind === 'code') append(node.insns, out);
    else if (node.kind === 'branch') placeBranch(node, out);
    else placeLoop(node, out);
  }
}

function placeBranch(node: Extract<Node, { kind: 'branch' }>, out: Insn[]): void {
  append(node.setup, out);
  const jump = out.length;
  out.push(node.jump);
  place(node.first, out);
  const over = node.ends ? -1 : out.length;
  if (over >= 0) out.push(node.over);
  const second = out.length;
  const first = slotsFrom(out, jump + 1);
  place(node.second, out);
  // Nothing to jump over.
  const isEmpty = over >= 0 && out.length === second;
  if (isEmpty) out.pop();
  else if (over >= 0) out[over] = at(node.over, slotsFrom(out, second));
  out[jump] = at(node.jump, isEmpty ? first - slots(node.over) : first);
}

function placeLoop(node: Extract<Node, { kind: 'loop' }>, out: Insn[]): void {
  append(node.setup, out);
  const round = out.length;
  place(node.body, out);
  append(node.step, out);
  out.push(at(node.jump, -(slotsFrom(out, round) + 1)));
}

/** The instructions of a tree, jumps filled in. */
export function flatten(nodes: readonly Node[]): Insn[] {
  const out: Insn[] = [];
  place(nodes, out);
  return out;
}
