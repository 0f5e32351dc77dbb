import type { AssemblyError } from './errors';

/** One statement of a body and the bytes that it became. */
export interface AssemblyRow {
  /** From the start of the body. */
  readonly offset: number;
  readonly size: number;
  readonly line: number;
  readonly column: number;
  readonly text: string;
}

/** A body as bytes, or everything that is wrong with it. */
export type AssemblyResult =
  | { readonly ok: true; readonly bytes: Uint8Array; readonly rows: readonly AssemblyRow[] }
  | { readonly ok: false; readonly errors: readonly AssemblyError[] };
