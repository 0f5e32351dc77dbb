/** A call of a helper or kfunc, in the reference interpreter. */
export interface InterpretedCall {
  readonly name: string;
  /** BPF r1 to r5; null where the value depends on what a program may not rely on. */
  readonly args: readonly (bigint | null)[];
}

/** Contents of a data area after a run. */
export interface InterpretedArea {
  readonly bytes: Uint8Array;
  /** Of each byte, whether it is the same wherever frames and functions are and whatever has no value holds. */
  readonly known: readonly boolean[];
}

/** What a run comes to without any machine code; of interest only as far as it must be the same in the machine. */
export type Interpreted =
  | {
      readonly kind: 'exit';
      /** Null where it depends on what a program may not rely on. */
      readonly r0: bigint | null;
      /** In order, nested runs included. */
      readonly calls: readonly InterpretedCall[];
      /** By name of the data area. */
      readonly memory: ReadonlyMap<string, InterpretedArea>;
      /** Whether programs that interrupt others did not run: how often they do depends on the machine code. */
      readonly uninterrupted: boolean;
    }
  | {
      readonly kind: 'none';
      /** Why it cannot be compared. */
      readonly reason: string;
    };
