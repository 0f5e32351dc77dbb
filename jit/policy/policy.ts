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
  /** What may_goto hands to the thunk that looks at the clock: an offset from rbp, or a pointer. */
  readonly mayGoto: 'offset' | 'pointer';
}

/** A policy as the five choices by name, and what may_goto hands to its thunk. */
export interface PolicyChoices {
  readonly name: string;
  readonly block: StackPolicy['block'];
  readonly compute: string;
  /** `calls` of `push-pop`: the kinds that are wrapped. */
  readonly preserve: { readonly kind: string; readonly calls?: readonly CallKind[] };
  readonly boundary: string;
  readonly callback: string;
  readonly mayGoto: StackPolicy['mayGoto'];
}

/** What a call goes to. `bpf_throw` is a kfunc, but it never returns. */
export type CallKind = 'subprog' | 'helper' | 'kfunc' | 'throw';

/** A private frame, of a subprog that is emitted or called. */
export interface FrameView {
  readonly frame: PrivateFrame;
  /** Own stack depth, a multiple of 8. */
  readonly depth: number;
}

/** What hooks see of the subprog that is being emitted; hooks run only where it has a private frame. */
export interface PrivateFrameView extends FrameView {
  readonly out: Sink;
  readonly facts: SubprogFacts;
  /** Machine register that holds the frame pointer. */
  readonly register: number;
  /** Loads the frame pointer from its block's address and this CPU's offset. */
  loadAbsolute(): void;
}

/** How a prologue gets its frame pointer. */
export interface ComputeChoice {
  readonly name: 'absolute' | 'callee-add' | 'callee-add-sub' | 'caller-add';
  onPrologue(view: PrivateFrameView): void;
  /** Before the callee-saved registers are popped. */
  onEpilogue?(view: PrivateFrameView): void;
  /** Right before the call of a subprog with a private frame, inside whatever protects the caller's frame pointer. */
  beforeCall?(view: PrivateFrameView, callee: FrameView): void;
}

/** What keeps the frame pointer alive across calls, and where it lives. */
export interface PreserveChoice {
  readonly name: string;
  /** The same as data. */
  readonly chosen: PolicyChoices['preserve'];
  /** Machine register that holds frame pointers; a callee-saved one is saved like those of BPF r6 to r9. */
  readonly register: number;
  /** Bytes of kernel stack right below rbp, in each subprog with a private frame; a multiple of 8. */
  readonly reserve: number;
  /** When the frame pointer has been computed. */
  onPrologue?(view: PrivateFrameView): void;
  /** Emits the call between whatever protects it. */
  aroundCall(kind: CallKind, view: PrivateFrameView, emitCall: () => void): void;
}

/** What an exception boundary with a private frame does besides. */
export interface BoundaryChoice {
  readonly name: 'none' | 'push-once';
  /** After all else in the prologue. */
  onPrologue?(view: PrivateFrameView): void;
  /** Before the callee-saved registers are popped. */
  onEpilogue?(view: PrivateFrameView): void;
}

/** What an exception callback sees when it takes over the frame of the boundary. */
export interface ExceptionEntryView {
  readonly out: Sink;
  readonly callback: SubprogFacts;
  readonly boundary: SubprogFacts;
  /** Machine register that holds frame pointers. */
  readonly register: number;
  /** Bytes from the last register that the boundary saved up to rbp. */
  readonly saveArea: number;
}

/** What an exception callback does before it restores the boundary's registers. */
export interface CallbackChoice {
  readonly name: 'no-pop' | 'pop-if-own' | 'pop-if-boundary' | 'skip' | 'from-rbp';
  /** rsp is where the boundary's was at the call that threw, rbp is the boundary's. */
  onExceptionCallback(view: ExceptionEntryView): void;
}
