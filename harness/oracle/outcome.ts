/** Where in a program something happened. */
export interface Place {
  /** Name of the program: a tail call enters another one. */
  readonly program: string;
  readonly subprog: string;
  /** Slot in the subprog. */
  readonly pc: number;
  /** The instruction as text. */
  readonly text: string;
}

export type FaultKind =
  /** An access outside of every region and every live frame. */
  | 'memory'
  /** An instruction that has no meaning here, or control outside of the instructions. */
  | 'instruction'
  /** A call of something that nobody models. */
  | 'call'
  /** More activations than a call chain may have. */
  | 'depth'
  /** An exception that finds no boundary. */
  | 'throw';

/** Why a program could not go on. */
export interface Fault {
  readonly kind: FaultKind;
  readonly message: string;
  /** Null outside of every instruction: in a helper that was called back from outside. */
  readonly place: Place | null;
}

/** How a run ended. */
export type Outcome =
  /** `thrown`: bpf_throw() ended it, and r0 is the cookie or what the exception callback returned. */
  | { readonly kind: 'exit'; readonly r0: bigint; readonly thrown: boolean }
  | { readonly kind: 'fault'; readonly fault: Fault }
  | { readonly kind: 'budget' };

/** A call of a helper or a kfunc. */
export interface LoggedCall {
  readonly name: string;
  /** r1 to r5, whatever the callee takes of them. */
  readonly args: readonly bigint[];
}

/** A run: how it ended, and whom it called. */
export type RunResult = Outcome & {
  /** In the order of the calls. */
  readonly log: readonly LoggedCall[];
  /** Instructions executed. */
  readonly executed: number;
};

export type InterpreterResult = RunResult & {
  /** Contents of each region afterwards. */
  readonly regions: ReadonlyMap<string, Uint8Array>;
};

/** A fault in one line. */
export const formatFault = ({ kind, message, place }: Fault): string =>
  place === null
    ? `${kind}: ${message}`
    : `${kind}: ${message} (${place.program} ${place.subprog} pc ${place.pc}: ${place.text})`;
