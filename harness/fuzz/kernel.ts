import type { Program } from '../../jit';
import { KernelRefusal, loadLive, permission, Unloadable } from '../kernel-image';
import type { FuzzProgram } from './program';

/** What the running kernel's verifier says of a program. */
export type Answer =
  | { readonly kind: 'loaded' }
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'not tried'; readonly reason: string };

/**
 * Hands a generated program to the running kernel, which loads it or says why not. It is attached to nothing, and never run.
 * Only for those who ask for it: random programs find what is wrong in verifiers, too (docs/findings/).
 */
export function askKernel({ type, exceptionCallback }: FuzzProgram, program: Program): Answer {
  const reason = permission();
  if (reason !== null) return { kind: 'not tried', reason };
  try {
    loadLive({ name: program.name, program, type, exceptionCallback }).close();
    return { kind: 'loaded' };
  } catch (error) {
    if (error instanceof Unloadable) return { kind: 'not tried', reason: error.message };
    if (error instanceof KernelRefusal) return { kind: 'refused', reason: error.log || error.errno };
    throw error;
  }
}
