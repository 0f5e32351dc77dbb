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

/** Slots of instructions. */
export function slotsOf(insns: readonly Insn[]): number {
  let sum = 0;
  for (const insn of insns) sum += slots(insn);
  return sum;
}

function place(nodes: readonly Node[], out: Insn[]): void {
  for (const node of nodes) {
    if (node.kind === 'code') for (const insn of node.insns) out.push(insn);
    else if (node.kind === 'branch') placeBranch(node, out);
    else placeLoop(node, out);
  }
}

function placeBranch(node: Extract<Node, { kind: 'branch' }>, out: Insn[]): void {
  const first = flatten(node.first);
  const second = flatten(node.second);
  const over = second.length === 0 || node.ends ? [] : [at(node.over, slotsOf(second))];
  out.push(...node.setup, at(node.jump, slotsOf(first) + over.length), ...first, ...over, ...second);
}

function placeLoop(node: Extract<Node, { kind: 'loop' }>, out: Insn[]): void {
  const round = [...flatten(node.body), ...node.step];
  out.push(...node.setup, ...round, at(node.jump, -(slotsOf(round) + 1)));
}

/** The instructions of a tree, jumps filled in. */
export function flatten(nodes: readonly Node[]): Insn[] {
  const out: Insn[] = [];
  place(nodes, out);
  return out;
}
