import { programErrors, validateProgram } from '../../jit';
import { isDefined } from './defined';
import { programOf } from './program';
import { CONTEXT_OFFSETS } from './shape';
import { lessCode, lessInput, smaller } from './shrink-steps';
import { type Case, dropNodes, pruned, shorter } from './shrink-tree';

export interface ShrinkOptions {
  /** Whether a smaller case is the same find. */
  readonly same: (smaller: Case) => boolean;
  /** Smaller cases that are tried: after so many what is there has to do. The same on every machine, however fast. */
  readonly attempts: number;
  /** Milliseconds after which it has to do all the same: far more than that takes. */
  readonly time: number;
}

/** Whether a case is one that the verifier might accept, and whose outcome does not depend on junk. */
export function isSound({ program }: Case): boolean {
  if (program.subprogs.some(({ nodes }) => nodes.length === 0)) return false;
  const written = programOf(program);
  if (validateProgram(written).length > 0 || programErrors(written).length > 0) return false;
  return isDefined(written, program.exceptionCallback, CONTEXT_OFFSETS[program.type] !== undefined);
}

const PASSES = [shorter, lessInput, lessCode, smaller];

/** A smaller case that is the same find: nothing that could be taken away is left, unless time runs out. */
export function shrink(start: Case, { same, time, attempts }: ShrinkOptions): Case {
  const until = performance.now() + time;
  let left = attempts;
  const isOver = (): boolean => left <= 0 || performance.now() > until;
  const attempt = (candidate: Case): Case | null => {
    if (isOver()) return null;
    const tried = pruned(candidate);
    if (!isSound(tried)) return null;
    left--;
    return same(tried) ? tried : null;
  };
  let best = start;
  for (let progress = true; progress && !isOver(); ) {
    const before = best;
    best = dropNodes(best, attempt);
    for (const pass of PASSES) best = greedy(best, pass, attempt);
    progress = best !== before;
  }
  return best;
}

/** Takes the first step that is possible, as long as there is one. */
function greedy(start: Case, pass: (from: Case) => Iterable<Case>, attempt: (smaller: Case) => Case | null): Case {
  for (const candidate of pass(start)) {
    const taken = attempt(candidate);
    if (taken) return greedy(taken, pass, attempt);
  }
  return start;
}
