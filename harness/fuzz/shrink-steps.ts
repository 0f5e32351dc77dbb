import type { Insn } from '../../jit';
import type { Node } from './nodes';
import { type Case, insnsOf, mapInsns, withNodes } from './shrink-tree';

/** Smaller cases than one, the smallest first as far as that can be told. Each is a thunk: few of them are needed. */
export type Candidates = Generator<Case>;

/** Lists with a piece taken out: halves first, then quarters, and so on down to single ones. */
function* without<T>(list: readonly T[]): Generator<readonly T[]> {
  for (let size = list.length; size >= 1; size = Math.floor(size / 2)) {
    for (let at = list.length - size; at >= 0; at -= size) yield [...list.slice(0, at), ...list.slice(at + size)];
    if (list.length % size !== 0 && size > 1) yield list.slice(list.length % size);
  }
}

/** Something less than a node, in the place of a node. */
function* lessThan(node: Node): Generator<readonly Node[]> {
  if (node.kind === 'code') {
    if (node.insns.length > 1 && !node.whole) for (const insns of without(node.insns)) yield [{ ...node, insns }];
    return;
  }
  const setup: Node = { kind: 'code', insns: node.setup };
  if (node.kind === 'loop') {
    yield [setup, ...node.body];
    for (const body of lessNodes(node.body)) yield [{ ...node, body }];
    if (node.step.length > 1) yield [{ ...node, step: node.step.slice(1) }];
    return;
  }
  yield [setup, ...node.first];
  yield [setup, ...node.second];
  if (node.second.length > 0) yield [{ ...node, second: [] }];
  for (const first of lessNodes(node.first)) yield [{ ...node, first }];
  for (const second of lessNodes(node.second)) yield [{ ...node, second }];
}

function* lessNodes(nodes: readonly Node[]): Generator<readonly Node[]> {
  yield* without(nodes);
  for (let i = 0; i < nodes.length; i++) {
    for (const some of lessThan(nodes[i]!)) yield [...nodes.slice(0, i), ...some, ...nodes.slice(i + 1)];
  }
}

/** Without parts of bodies. */
export function* lessCode({ program, input }: Case): Candidates {
  for (let i = program.subprogs.length - 1; i >= 0; i--) {
    for (const nodes of lessNodes(program.subprogs[i]!.nodes)) yield { program: withNodes(program, i, nodes), input };
  }
}

/** With less in the input. */
export function* lessInput({ program, input }: Case): Candidates {
  if (input.around !== null) yield { program, input: { ...input, around: null } };
  if (input.r9 !== 'junk') yield { program, input: { ...input, r9: 'junk' } };
  if (input.cpu !== 0) yield { program, input: { ...input, cpu: 0 } };
  if (input.seed !== 1) yield { program, input: { ...input, seed: 1 } };
  if (input.returns.some((each) => each !== 0n))
    yield { program, input: { ...input, returns: input.returns.map(() => 0n) } };
  const { context } = input;
  const zeroed = (from: number, to: number): Case => {
    return { program, input: { ...input, context: context.slice().fill(0, from, to) } };
  };
  if (context.some((byte) => byte !== 0)) {
    yield zeroed(0, context.length);
    for (let at = 0; at < context.length; at += 8) {
      if (context.subarray(at, at + 8).some((byte) => byte !== 0)) yield zeroed(at, at + 8);
    }
  }
  if (program.type !== 'kprobe') yield { program: { ...program, type: 'kprobe' }, input };
}

/** A constant instead of what is loaded or stored. */
function plainer(insn: Insn): Insn | null {
  const { code, dst, off } = insn;
  if ((code & 7) === 1) return { code: 0xb7, dst, src: 0, off: 0, imm: 0 };
  if ((code & 0xe7) === 0x63) return { code: code - 1, dst, src: 0, off, imm: 0 };
  return code === 0x18 && insn.src === 0 ? { code: 0xb7, dst, src: 0, off: 0, imm: 0 } : null;
}

/** Frames and numbers made smaller, in all of a subprog or one instruction at a time. */
export function* smaller({ program, input }: Case): Candidates {
  for (const [index, { nodes }] of program.subprogs.entries()) {
    const change = (how: (insn: Insn) => Insn): Case => ({
      program: withNodes(program, index, mapInsns(nodes, how)),
      input,
    });
    const all = [...insnsOf(nodes)];
    const offsets = new Set(all.flatMap(({ src, dst, off }) => ((src === 10 || dst === 10) && off < 0 ? [off] : [])));
    for (const from of [...offsets].sort((a, b) => a - b)) {
      for (const to of [-8, -56, -64, -128, -136]) {
        if (to > from) yield change((insn) => (insn.off === from && insn.code !== 0x85 ? { ...insn, off: to } : insn));
      }
    }
    for (const insn of new Set(all)) {
      const plain = plainer(insn);
      if (plain) yield change((each) => (each === insn ? plain : each));
      const movable = insn.code === 0xb7 || insn.code === 0xb4 || (insn.code & 7) === 2;
      for (const imm of [0, 1]) {
        if (movable && insn.imm >>> 0 > imm) yield change((each) => (each === insn ? { ...insn, imm } : each));
      }
    }
  }
}
