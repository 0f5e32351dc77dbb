import { BPF_PSEUDO_CALL, BPF_PSEUDO_FUNC, BPF_PSEUDO_KFUNC_CALL, type Insn, isLdImm64, withImm } from '../../jit';
import type { FuzzInput } from './input';
import type { Node } from './nodes';
import { type FuzzProgram, type FuzzSubprog, referenceOf } from './program';

/** A program and what it is run with. */
export interface Case {
  readonly program: FuzzProgram;
  readonly input: FuzzInput;
}

/** A program with another body of one of its subprogs. */
export const withNodes = (program: FuzzProgram, index: number, nodes: readonly Node[]): FuzzProgram => ({
  ...program,
  subprogs: program.subprogs.map((each, i) => (i === index ? { ...each, nodes } : each)),
});

/** A list with each of its members changed: the same one where none is. Most are not, and copies are what takes long. */
function mapSame<T>(list: readonly T[], change: (each: T) => T): readonly T[] {
  let copy: T[] | null = null;
  for (let i = 0; i < list.length; i++) {
    const changed = change(list[i]!);
    if (copy === null && changed !== list[i]) copy = list.slice(0, i);
    copy?.push(changed);
  }
  return copy ?? list;
}

function mapNode(node: Node, change: (insn: Insn) => Insn): Node {
  if (node.kind === 'code') {
    const insns = mapSame(node.insns, change);
    return insns === node.insns ? node : { ...node, insns };
  }
  const setup = mapSame(node.setup, change);
  const jump = change(node.jump);
  const same = setup === node.setup && jump === node.jump;
  if (node.kind === 'loop') {
    const step = mapSame(node.step, change);
    const body = mapInsns(node.body, change);
    return same && step === node.step && body === node.body ? node : { ...node, setup, jump, step, body };
  }
  const first = mapInsns(node.first, change);
  const second = mapInsns(node.second, change);
  return same && first === node.first && second === node.second ? node : { ...node, setup, jump, first, second };
}

/** The same tree with every instruction changed, jumps between nodes excepted; what stays the same is shared. */
export const mapInsns = (nodes: readonly Node[], change: (insn: Insn) => Insn): readonly Node[] =>
  mapSame(nodes, (node) => mapNode(node, change));

/** Every instruction, in order. */
export function* insnsOf(nodes: readonly Node[]): Generator<Insn> {
  for (const node of nodes) {
    if (node.kind === 'code') yield* node.insns;
    else {
      yield* node.setup;
      yield node.jump;
      if (node.kind === 'loop') {
        yield* insnsOf(node.body);
        yield* node.step;
      } else {
        yield* insnsOf(node.first);
        yield* insnsOf(node.second);
      }
    }
  }
}

/** The same with these of its subprogs and kfuncs, in this order; the first subprog stays the main one. */
export function arranged(
  program: FuzzProgram,
  kept: readonly number[],
  kfuncs: readonly number[] = [...program.kfuncs.keys()],
): FuzzProgram {
  const { type, subprogs, exceptionCallback } = program;
  const keep = (list: readonly number[]) => list.every((number, i) => number === i);
  const isSame = keep(kept) && keep(kfuncs);
  const numbered = (insn: Insn, number: number): Insn => (insn.imm === number ? insn : withImm(insn, number));
  const renumber = (insn: Insn): Insn => {
    if (insn.code === 0x85 && insn.src === BPF_PSEUDO_KFUNC_CALL) return numbered(insn, kfuncs.indexOf(insn.imm));
    if (insn.code === 0x85 && insn.src === BPF_PSEUDO_CALL) return numbered(insn, kept.indexOf(insn.imm));
    if (isLdImm64(insn) && insn.src === BPF_PSEUDO_FUNC) {
      const { code, dst, src, off, imm, imm64 } = insn;
      return { code, dst, src, off, imm, imm64: BigInt(kept.indexOf(Number(imm64))) };
    }
    return insn;
  };
  const catcher = exceptionCallback === undefined ? -1 : kept.indexOf(exceptionCallback);
  return {
    type,
    subprogs: kept.map(
      (i): FuzzSubprog => ({
        name: subprogs[i]!.name,
        nodes: isSame ? subprogs[i]!.nodes : mapInsns(subprogs[i]!.nodes, renumber),
      }),
    ),
    kfuncs: kfuncs.map((i) => program.kfuncs[i]!),
    exceptionCallback: catcher < 0 ? undefined : catcher,
  };
}

/** Shows every instruction, in order: the same as {@link insnsOf}, in a fraction of the time. */
function eachInsn(nodes: readonly Node[], see: (insn: Insn) => void): void {
  for (const node of nodes) {
    if (node.kind === 'code') {
      for (const insn of node.insns) see(insn);
      continue;
    }
    for (const insn of node.setup) see(insn);
    see(node.jump);
    if (node.kind === 'loop') {
      eachInsn(node.body, see);
      for (const insn of node.step) see(insn);
    } else {
      eachInsn(node.first, see);
      eachInsn(node.second, see);
    }
  }
}

/** Subprogs and kfuncs that something still refers to, in order. */
export interface Referred {
  readonly subprogs: readonly number[];
  readonly kfuncs: readonly number[];
}

/** What a subprog refers to. */
function referencesOf({ nodes }: FuzzSubprog): Referred {
  const subprogs: number[] = [];
  const kfuncs: number[] = [];
  eachInsn(nodes, (insn) => {
    const subprog = referenceOf(insn);
    if (subprog !== undefined) subprogs.push(subprog);
    if (insn.code === 0x85 && insn.src === BPF_PSEUDO_KFUNC_CALL) kfuncs.push(insn.imm);
  });
  return { subprogs, kfuncs };
}

/** @param references of each subprog, for those who know them */
export function referred(
  { subprogs, kfuncs, exceptionCallback }: FuzzProgram,
  references: (subprog: number) => Referred = (subprog) => referencesOf(subprogs[subprog]!),
): Referred {
  const used = [0];
  const called: number[] = [];
  const add = (to: number[], index: number | undefined): void => {
    if (index !== undefined && !to.includes(index)) to.push(index);
  };
  // What is added on the way has its turn, too.
  for (let i = 0; i < used.length; i++) {
    const own = references(used[i]!);
    for (const subprog of own.subprogs) add(used, subprog);
    for (const kfunc of own.kfuncs) {
      add(called, kfunc);
      if (kfuncs[kfunc] === 'bpf_throw') add(used, exceptionCallback);
    }
  }
  const ascending = (a: number, b: number) => a - b;
  return { subprogs: used.sort(ascending), kfuncs: called.sort(ascending) };
}

/** The same without subprogs that nothing refers to any more. */
export function pruned({ program, input }: Case): Case {
  const { subprogs: kept, kfuncs } = referred(program);
  if (kept.length === program.subprogs.length && kfuncs.length === program.kfuncs.length) return { program, input };
  const { r9 } = input;
  return {
    program: arranged(program, kept, kfuncs),
    input:
      r9 === 'junk'
        ? input
        : { ...input, r9: kept.includes(r9.subprog) ? { ...r9, subprog: kept.indexOf(r9.subprog) } : 'junk' },
  };
}

/** Nothing but a result. */
const STUB: readonly Node[] = [
  {
    kind: 'code',
    insns: [
      { code: 0xb7, dst: 0, src: 0, off: 0, imm: 0 },
      { code: 0x95, dst: 0, src: 0, off: 0, imm: 0 },
    ],
  },
];

/**
 * Takes as much as possible out of bodies at once: all of it, halves, quarters, down to single nodes.
 * @param attempt takes a smaller case for good, unless it is another find: what there is then
 */
export function dropNodes(start: Case, attempt: (smaller: Case) => Case | null): Case {
  let best = start;
  for (const { name } of [...start.program.subprogs].reverse()) {
    // Subprogs are renumbered when others go.
    const index = () => best.program.subprogs.findIndex((each) => each.name === name);
    const nodes = () => best.program.subprogs[index()]?.nodes ?? [];
    const take = (nodes: readonly Node[]): boolean => {
      const taken = attempt({ ...best, program: withNodes(best.program, index(), nodes) });
      best = taken ?? best;
      return taken !== null;
    };
    if (nodes().length <= 1 || take(STUB)) continue;
    for (let size = nodes().length >> 1; size >= 1; size >>= 1) {
      for (let at = nodes().length - size; at >= 0; at -= size) {
        const now = nodes();
        if (at < now.length) take([...now.slice(0, at), ...now.slice(at + size)]);
      }
    }
  }
  return best;
}

/** Every instruction that refers to one subprog refers to another. */
function redirected(program: FuzzProgram, from: number, to: number): FuzzProgram {
  const change = (insn: Insn): Insn => {
    if (insn.code === 0x85 && insn.src === BPF_PSEUDO_CALL && insn.imm === from) return { ...insn, imm: to };
    const func = isLdImm64(insn) && insn.src === BPF_PSEUDO_FUNC && insn.imm64 === BigInt(from);
    return func ? { ...insn, imm64: BigInt(to) } : insn;
  };
  return { ...program, subprogs: program.subprogs.map((each) => ({ ...each, nodes: mapInsns(each.nodes, change) })) };
}

/** Without subprogs between others: what is called is called by the caller's caller, or is the main subprog itself. */
export function* shorter({ program, input }: Case): Generator<Case> {
  const { subprogs } = program;
  for (let i = subprogs.length - 1; i > 0; i--) yield { program: withNodes(program, 0, subprogs[i]!.nodes), input };
  for (let from = 1; from < subprogs.length; from++) {
    const callees = new Set([...insnsOf(subprogs[from]!.nodes)].map(referenceOf));
    for (const to of callees) if (to !== undefined) yield { program: redirected(program, from, to), input };
  }
}
