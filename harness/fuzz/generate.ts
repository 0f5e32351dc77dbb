import { Random } from '../kernel-image/random';
import { Body } from './body';
import { BOUNDS } from './bounds';
import { KFUNCS } from './choices';
import type { Node } from './nodes';
import type { FuzzProgram } from './program';
import { CONTEXT_OFFSETS, shapes } from './shape';
import { arranged, referred } from './shrink-tree';
import { times } from './times';

const NAMES = { main: 'main', subprog: 'sub', callback: 'callback', 'exception-callback': 'catch' } as const;

/** A random program that the verifier accepts, hardly ever not. The same numbers give the same program. */
export function generateProgram(random: Random): FuzzProgram {
  const type = random.once(8) ? random.pick(BOUNDS.types) : random.pick(BOUNDS.types.slice(0, 3));
  const tree = shapes(random, type);
  const bodies: Body[] = [];
  const nodes: Node[][] = [];
  const costs: number[] = [];
  const around = { shapes: tree, contextOffsets: CONTEXT_OFFSETS[type] ?? [], costs };
  for (let i = tree.length - 1; i >= 0; i--) {
    const body = new Body(random, tree[i]!, around);
    bodies[i] = body;
    nodes[i] = body.write();
    costs[i] = body.cost + 4;
  }
  const catcher = tree.findIndex(({ role }) => role === 'exception-callback');
  const program = {
    type,
    subprogs: tree.map(({ role }, i) => ({ name: i === 0 ? 'main' : `${NAMES[role]}${i}`, nodes: nodes[i]! })),
    kfuncs: KFUNCS,
    exceptionCallback: catcher < 0 ? undefined : catcher,
  };
  // A call that would have been too long was left out, and perhaps it was the only one.
  const { subprogs, kfuncs } = referred(program, (i) => bodies[i]!);
  const order = random.once(2) ? [0, ...shuffled(random, subprogs.length - 1)].map((i) => subprogs[i]!) : subprogs;
  return arranged(program, order, kfuncs);
}

/** The numbers from 1 to `count` in any order: callees behind their callers or in front of them. */
function shuffled(random: Random, count: number): number[] {
  const numbers = times(count, (i) => i + 1);
  for (let i = count - 1; i > 0; i--) {
    const other = random.below(i + 1);
    [numbers[i], numbers[other]] = [numbers[other]!, numbers[i]!];
  }
  return numbers;
}

export const randomOf = (seed: number): Random => new Random(seed);
