import type { EventPoint } from './event-points';
import type { Position } from './issues';
import type { SubprogRef } from './subprogs';

/** The program runs, on the CPU that is being judged unless another is named. */
export interface RunEvent {
  readonly kind: 'run';
  readonly program: string;
  readonly cpu?: number;
  readonly times: number;
  readonly position: Position;
}

/** An async callback (of a timer, say) that a program has set is called by C code. */
export interface FireEvent {
  readonly kind: 'fire';
  readonly callback: SubprogRef;
  readonly cpu?: number;
  readonly position: Position;
}

/** An extension program takes the place of a global subprog; from the beginning, or in the middle of a run. */
export interface ReplaceEvent {
  readonly kind: 'replace';
  readonly target: SubprogRef;
  /** The program of type ext. */
  readonly extension: string;
  readonly at?: EventPoint;
  readonly position: Position;
}

/** A trampoline is put at the entry of a subprog: C code, and a program if one is named, run before or after it. */
export interface TrampolineEvent {
  readonly kind: 'fentry' | 'fexit';
  readonly target: SubprogRef;
  readonly program?: string;
  readonly position: Position;
}

/** The nth time that a generated body comes to a `bpf_throw`, it throws. */
export interface ThrowEvent {
  readonly kind: 'throw';
  readonly cookie: bigint;
  /** The subprog that throws. */
  readonly target: SubprogRef;
  readonly nth: number;
  readonly position: Position;
}

/** A run is interrupted, and something else runs meanwhile. */
export interface InterruptEvent {
  readonly kind: 'interrupt';
  readonly at: EventPoint;
  readonly by:
    | { readonly kind: 'run'; readonly program: string }
    | { readonly kind: 'fire'; readonly callback: SubprogRef };
  readonly cpu: 'same' | 'other';
  /** Whether the kernel's guard against recursion is there, which skips what is active already. */
  readonly guard: 'kernel' | 'none';
  readonly position: Position;
}

/**
 * What happens in a scenario, in order: `run` and `fire` happen, all others are arranged for what follows them. A new
 * kind of event is one more member here and one more row of EVENT_KINDS.
 */
export type ScenarioEvent = RunEvent | FireEvent | ReplaceEvent | TrampolineEvent | ThrowEvent | InterruptEvent;
