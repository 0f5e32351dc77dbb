import type { SubprogRef } from './subprogs';

/** A moment inside a run, by what is about to be executed. */
export type EventPoint =
  /** While C code runs that was called: `call 2 of bpf_ktime_get_ns in prog.main`. Any call, and any caller, where it does not say. */
  | { readonly kind: 'call'; readonly callee: string; readonly nth?: number; readonly subprog?: SubprogRef }
  /** Before the first machine instruction of a BPF instruction: `prog.main pc 3`. */
  | { readonly kind: 'pc'; readonly subprog: SubprogRef; readonly pc: number }
  /** Before a machine instruction, counted from 0: `instruction 5 of prog.main`. */
  | { readonly kind: 'instruction'; readonly subprog: SubprogRef; readonly index: number }
  /** Before the nth machine instruction that is there for a purpose, counted from 1. */
  | { readonly kind: 'role'; readonly subprog: SubprogRef; readonly role: PointRole; readonly nth: number }
  /** Before every machine instruction, each one where it is executed first: `every instruction of prog.main`. */
  | { readonly kind: 'every'; readonly subprog: SubprogRef };

/**
 * Purposes that a point may name, with the words for them: `between push and call [2] of prog.main` is right before a
 * call instruction, `before the frame pointer of prog.main` right before the prologue computes it, `epilogue of prog.main`
 * the first instruction of the epilogue.
 */
export type PointRole = 'call' | 'frame-pointer' | 'epilogue';
