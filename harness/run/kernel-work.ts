import type { HelperCall } from '../kernel/helper-call';
import type { BpfCall } from '../kernel/kernel-code';
import type { HelperAction, Machine } from '../machine/machine';
import type { Entry, EntryKind, PlacedTrampoline } from './run';

/** What the kernel side does with the machine that its programs run in. */
export type KernelMachine = Pick<
  Machine,
  'emu' | 'regs' | 'read' | 'write' | 'write64IfMapped' | 'destroyBelow' | 'returnFromHelper'
>;

/** A call of BPF code, and what is told about it. */
export interface EntryRequest extends BpfCall {
  readonly kind: EntryKind;
  readonly by: string;
  readonly cpu: number;
  /** The program that runs as such, behind the recursion guard; none for a callback. */
  readonly runs?: number;
}

/** C code that calls BPF code: each call, and what comes back. */
export type Work = Generator<EntryRequest, bigint, bigint>;

/** What C code was called from, or interrupted: all registers there. */
export interface Moment {
  readonly regs: BigUint64Array;
  readonly cpu: number;
}

/** C code that waits for BPF code to return. */
export interface Waiting {
  readonly entry: Entry;
  readonly moment: Moment;
  readonly runs: number | undefined;
  resume(r0: bigint): HelperAction;
}

/** C code that runs in a call of a helper before the helper does, and what programs a trampoline runs. */
export interface Arrangements {
  inCall(call: HelperCall, returnAddress: bigint): Work | null;
  tracers(trampoline: PlacedTrampoline): Tracers;
}

/** What a trampoline does: programs to run before and after, and whether it calls the original at all. */
export interface Tracers {
  readonly fentry: readonly number[];
  readonly fexit: readonly number[];
  readonly calls: boolean;
}
