import { bpf, type Insn, type Program } from '../bpf';

/**
 * Programs for tests: by subprog its own depth, then what it does in order. `sub` calls a subprog, `&sub` hands it to bpf_loop,
 * `~sub` sets it as a timer's callback; `throw!` calls bpf_throw, `tail!` tail calls.
 */
export type Tree = Readonly<Record<string, readonly [depth: number, ...actions: string[]]>>;

export function callTree(tree: Tree): Program {
  const names = Object.keys(tree);
  const indexOf = (name: string): number => {
    const index = names.indexOf(name);
    if (index < 0) throw new Error(`no subprog ${name}`);
    return index;
  };
  const perform = (action: string): Insn[] => {
    if (action === 'throw!') return [bpf.callKfunc(0)];
    if (action === 'tail!') return [bpf.ldMap('r2', 0), bpf.mov64('r3', 0), bpf.callHelper('bpf_tail_call')];
    if (action.startsWith('&')) return [bpf.ldFunc('r2', indexOf(action.slice(1))), bpf.callHelper('bpf_loop')];
    if (action.startsWith('~'))
      return [bpf.ldFunc('r2', indexOf(action.slice(1))), bpf.callHelper('bpf_timer_set_callback')];
    return [bpf.callSubprog(indexOf(action))];
  };
  const subprogs = Object.entries(tree).map(([name, [depth, ...actions]]) => ({
    name,
    insns: [...(depth > 0 ? [bpf.st8('r10', -depth, 0)] : []), ...actions.flatMap(perform), bpf.exit()],
  }));
  return { name: 'prog', subprogs, kfuncs: ['bpf_throw'], maps: ['jumps'] };
}

/** The call tree of the review of v3: 120 -> 80 -> 40, and 120 -> 160. */
export const REVIEW_TREE: Tree = {
  subtree_root: [120, 'subprog1', 'subprog3'],
  subprog1: [80, 'subprog2'],
  subprog2: [40],
  subprog3: [160],
};
