import type { BlockLayout, PrivateFrame, SubprogFacts } from '../analysis/facts';
import type { Sink } from '../x86';

/**
 * A stack policy: who finds a private frame, what keeps its pointer alive, and what exceptions do about it. Each choice
 * is a small object with hooks; the emitter calls the hooks and never asks which policy it has.
 */
export interface StackPolicy {
  readonly name: string;
  readonly block: BlockLayout;
  readonly compute: ComputeChoice;
  readonly preserve: PreserveChoice;
  readonly boundary: BoundaryChoice;
  readonly callback: CallbackChoice;
  readonly mayGoto: 'offset' | 'pointer';
}

/** What a call goes to. `bpf_throw` is a kfunc, but it never returns. */
export type CallKind = 'subprog' | 'helper' | 'kfunc' | 'throw';

/** What hooks see of the subprog that is being emitted; hooks run only where it has a private frame. */
export interface PrivateFrameView {
  readonly out: Sink;
  readonly frame: PrivateFrame;
  /** Own stack depth, a multiple of 8. */
  readonly depth: number;
  readonly facts: SubprogFacts;
  /** Machine register that holds the frame pointer. */
  readonly register: number;
  /** Loads the frame pointer from its block's address and this CPU's offset. */
  loadAbsolute(): void;
}

/** How a prologue gets its frame pointer. */
export interface ComputeChoice {
  readonly name: 'absolute' | 'callee-add';
  onPrologue(view: PrivateFrameView): void;
  onEpilogue?(view: PrivateFrameView): void;
}

/** What keeps the frame pointer alive across calls. */
export interface PreserveChoice {
  readonly name: string;
  /** Emits the call between whatever protects it. */
  aroundCall(kind: CallKind, view: PrivateFrameView, emitCall: () => void): void;
}

/** What an exception boundary with a private frame does besides. */
export interface BoundaryChoice {
  readonly name: 'none';
  onPrologue?(view: PrivateFrameView): void;
  onEpilogue?(view: PrivateFrameView): void;
}

/** What an exception callback does before it restores the boundary's registers. */
export interface CallbackChoice {
  readonly name: 'no-pop' | 'pop-if-own';
  /** `callback` and `boundary` are the facts of the two subprogs; rsp is where the boundary's was at its call. */
  onExceptionCallback(out: Sink, callback: SubprogFacts, boundary: SubprogFacts): void;
}
