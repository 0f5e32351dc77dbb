import type { Insn } from '../../jit';
import type { Random } from '../kernel-image/random';
import { BOUNDS } from './bounds';
import { IMMEDIATES } from './choices';
import type { Node } from './nodes';
import type { FuzzProgram } from './program';
import { isSound } from './shrink';
import { type Case, insnsOf, mapInsns, pruned, withNodes } from './shrink-tree';

const CALL = 0x85;
const FP = 10;

type Change = (random: Random, nodes: readonly Node[]) => readonly Node[];

/** Whether nothing of it calls: what is handed to a call has a meaning, numbers of rounds for example. */
const isPlain = (node: Node): node is Extract<Node, { kind: 'code' }> =>
  node.kind === 'code' && node.insns.every(({ code }) => code !== CALL && code !== 0x95);

const replaced = <T>(list: readonly T[], at: number, ...by: readonly T[]): T[] => [
  ...list.slice(0, at),
  ...by,
  ...list.slice(at + 1),
];

/** One instruction of a plain node changed. */
function changeOne(random: Random, nodes: readonly Node[], change: (insn: Insn) => Insn): readonly Node[] {
  const plain = nodes.flatMap((node, i) => (isPlain(node) ? [i] : []));
  if (plain.length === 0) return nodes;
  const at = random.pick(plain);
  const node = nodes[at] as Extract<Node, { kind: 'code' }>;
  const which = random.below(node.insns.length);
  return replaced(nodes, at, { ...node, insns: replaced(node.insns, which, change(node.insns[which]!)) });
}

const drop: Change = (random, nodes) => replaced(nodes, random.below(nodes.length));

/** A plain piece once more, somewhere else. */
const repeat: Change = (random, nodes) => {
  const plain = nodes.filter(isPlain);
  if (plain.length === 0) return nodes;
  const at = random.below(nodes.length);
  return replaced(nodes, at, random.pick(plain), nodes[at]!);
};

const constant: Change = (random, nodes) =>
  changeOne(random, nodes, (insn) => ({ ...insn, imm: random.pick(IMMEDIATES) }));

/** Another operation, or the other width of it. */
const operation: Change = (random, nodes) =>
  changeOne(random, nodes, (insn) => {
    const kind = insn.code & 7;
    if (kind !== 4 && kind !== 7) return insn;
    return { ...insn, code: random.once(2) ? insn.code ^ 3 : (insn.code & 0x0f) | (random.below(14) << 4) };
  });

/** A word of the frame somewhere else, in all of the subprog. */
const frame: Change = (random, nodes) => {
  const offsets = new Set([...insnsOf(nodes)].filter(({ src, dst }) => src === FP || dst === FP).map(({ off }) => off));
  offsets.delete(0);
  if (offsets.size === 0) return nodes;
  const from = random.pick([...offsets]);
  const to = -8 * Math.max(1, Math.ceil(random.pick(BOUNDS.depths) / 8));
  return mapInsns(nodes, (insn) =>
    (insn.src === FP || insn.dst === FP) && insn.off === from ? { ...insn, off: to } : insn,
  );
};

const CHANGES: readonly Change[] = [drop, repeat, constant, operation, frame];
/** Changes that are tried until one leaves a program that the verifier might accept. */
const ATTEMPTS = 12;

/** A program with one to three changes; as it is where none of those that were tried makes sense. */
export function mutated(random: Random, fuzz: FuzzProgram): FuzzProgram {
  const input = { cpu: 0, seed: 1, context: new Uint8Array(0), returns: [], r9: 'junk', around: null } as const;
  let best: Case = { program: fuzz, input };
  let wanted = random.between(1, 3);
  for (let i = 0; i < ATTEMPTS && wanted > 0; i++) {
    const { program } = best;
    const index = random.below(program.subprogs.length);
    const nodes = random.pick(CHANGES)(random, program.subprogs[index]!.nodes);
    const changed = pruned({ program: withNodes(program, index, nodes), input });
    if (!isSound(changed)) continue;
    best = changed;
    wanted--;
  }
  return best.program;
}
