import type { CodeLayout, ListingRow } from './emit/layout';

export type { ExceptionEntry, ListingRow, Relocation } from './emit/layout';
export type { Role, Site } from './emit/site';

/** How a subprog's frame lies: what a reader of the image has to know that the bytes alone do not tell. */
export interface FrameInfo {
  /** Machine register that holds BPF r10. */
  readonly register: number;
  readonly isPrivate: boolean;
  /** Bytes of kernel stack between rbp and the pushed registers. */
  readonly kernelDepth: number;
  /** Registers that the prologue pushes, in that order. */
  readonly saved: readonly number[];
}

/** The machine code of one subprog, not yet placed. */
export interface JitFunction extends CodeLayout {
  readonly name: string;
  readonly index: number;
  readonly frame: FrameInfo;
  /** Bytes of prologue. */
  readonly bodyOffset: number;
  /** Offset at which a tail call lands. */
  readonly landing: number;
  listing(): ListingRow[];
}

/** The machine code of a program: every subprog by itself, with relocations. */
export interface JitImage {
  readonly program: string;
  readonly functions: readonly JitFunction[];
}
