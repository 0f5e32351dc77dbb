/** What a machine instruction is there for. */
export type Role =
  | 'patch-site'
  | 'frame-setup'
  | 'exception-entry'
  | 'stack-alloc'
  | 'tail-call-counter'
  | 'callee-save'
  | 'arena-base'
  | 'frame-pointer'
  | 'body'
  | 'preserve'
  | 'call'
  | 'restore'
  | 'jump'
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
