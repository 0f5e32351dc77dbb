/** What a machine instruction is there for. */
export type Role =
  | 'patch-site'
  | 'frame-setup'
  | 'exception-entry'
  /** What the policy adds to the entry of an exception callback. */
  | 'exception-adjust'
  | 'stack-alloc'
  | 'tail-call-counter'
  | 'callee-save'
  | 'arena-base'
  /** What the policy does about the frame pointer: in the prologue, in the epilogue, and for a callee. */
  | 'frame-pointer'
  | 'body'
  | 'preserve'
  | 'call'
  | 'restore'
  | 'jump'
  /** What is patched when the slot of a direct tail call is filled: the jump around it becomes a nop, its last nop the jump. */
  | 'tail-call-bypass'
  | 'tail-call-target'
  | 'padding'
  | 'epilogue';

/** Where a machine instruction comes from. */
export interface Site {
  /** Index of the subprog. */
  readonly subprog: number;
  /** The BPF instruction's slot number, or -1 in the prologue. */
  readonly pc: number;
  readonly role: Role;
}

export const PROLOGUE_PC = -1;
