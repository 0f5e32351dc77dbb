import type { Analysis, JitImage, Program, ProgramType } from '../../jit';
import type { RunStatus } from '../machine/machine';
import type { Trace } from '../machine/trace';
import type { MapElements, ThrowSite } from '../spec';
import type { Activation } from './activations';
import type { CodeFunction } from './code';
import type { CodeMap } from './code-map';
import type { KernelVariable } from './kernel-variables';

/** A program of a scenario, compiled and placed. */
export interface PlacedProgram {
  readonly name: string;
  readonly type: ProgramType;
  readonly program: Program;
  readonly analysis: Analysis;
  /** By subprog, for each instruction the slot of the written program's that it is or stands for. */
  readonly origins: readonly (readonly number[])[];
  /** What our JIT compiled; null where the code is somebody else's. */
  readonly image: JitImage | null;
  /** The code of each subprog, and what its instructions are there for. */
  readonly functions: readonly CodeFunction[];
  /** Address of each subprog's code. */
  readonly addresses: readonly bigint[];
  /** The linked bytes of each subprog. */
  readonly code: readonly Uint8Array[];
  /** Per-CPU pointer of each private block. */
  readonly blocks: readonly bigint[];
  /** Where its generated bodies throw when a scenario says so. */
  readonly throws: readonly ThrowSite[];
}

/**
 * Places of the kernel itself that code can come to: where a callback returns to its helper, where C code is that calls
 * what it interrupted, where an exception callback must never return to, and trampolines.
 */
export type Stub = 'return' | 'again' | 'behind-throw' | 'trampoline';

/** A helper or kfunc of a scenario, or another place in the kernel. */
export interface PlacedHelper {
  readonly name: string;
  readonly address: bigint;
  /** Machine code given by the spec, which runs instead of a model. */
  readonly body?: { readonly bytes: Uint8Array } | undefined;
  readonly stub?: Stub | undefined;
}

/** A trampoline at the entry of a subprog. */
export interface PlacedTrampoline {
  readonly program: number;
  readonly subprog: number;
  /** Index among the helpers. */
  readonly helper: number;
}

/** Data that programs may touch. */
export interface DataArea {
  /** `ctx`, or the name of a map. */
  readonly name: string;
  readonly address: bigint;
  readonly size: number;
  /** Of a map: what programs hand over as the map. */
  readonly pointer?: bigint;
  /** Of a map: the values that lookups find. */
  readonly elements?: MapElements;
}

/** An array of programs that tail calls go through (BPF_MAP_TYPE_PROG_ARRAY). */
export interface ProgramArray {
  /** What programs hand over as the map. */
  readonly pointer: bigint;
  readonly entries: number;
  /** Index of the program in each slot that holds one. */
  readonly slots: ReadonlyMap<number, number>;
}

/** The end of a private block, after the run. */
export interface GuardWord {
  readonly program: number;
  readonly block: number;
  readonly cpu: number;
  readonly address: bigint;
  /** What was there before the run: an earlier one may have overwritten it. */
  readonly before: bigint;
  readonly value: bigint;
}

/** The world of a scenario: the same for all its runs. */
export interface World {
  readonly seed: number;
  readonly programs: readonly PlacedProgram[];
  /** Helpers and kfuncs, then stubs. */
  readonly helpers: readonly PlacedHelper[];
  readonly trampolines: readonly PlacedTrampoline[];
  readonly data: readonly DataArea[];
  readonly programArrays: readonly ProgramArray[];
  /** How many tail calls an entry may make. */
  readonly tailCallLimit: number;
  readonly variables: readonly KernelVariable[];
  readonly code: CodeMap;
  /** Where a kernel's function was whose body a spec gives: a jump goes from there to the body. */
  readonly redirects: readonly { readonly from: bigint; readonly to: bigint }[];
}

/** Why C code enters BPF code. */
export type EntryKind = 'run' | 'callback' | 'interrupt' | 'tracer' | 'traced';

/** C code enters BPF code: the outermost program, a callback, a program that interrupts, one of a trampoline. */
export interface Entry {
  readonly index: number;
  readonly kind: EntryKind;
  /** What is entered; null where no function starts at the address. */
  readonly program: number | null;
  readonly subprog: number | null;
  readonly cpu: number;
  /** For people: `bpf_loop`, `the timer`. */
  readonly by: string;
  /** General registers by hardware number, as C has them at the call and as it gets them back; null when it never does. */
  readonly before: readonly bigint[];
  after: readonly bigint[] | null;
}

/** An exception: what the unwinder found, and what the callback is handed. */
export interface Throw {
  readonly cookie: bigint;
  /** The program whose main subprog is the boundary; null when the unwinder finds none. */
  readonly boundary: number | null;
  /** Its exception callback, by index; null without a boundary. */
  readonly callback: number | null;
  /** rsp and rbp of the boundary at its call, as handed over. */
  readonly sp: bigint;
  readonly bp: bigint;
}

/** What the kernel around the programs does in the middle of a run, before the event of that index. */
export type Mark = { readonly event: number } & (
  | { readonly kind: 'enter'; readonly entry: Entry }
  | { readonly kind: 'leave'; readonly entry: Entry }
  | { readonly kind: 'throw'; readonly thrown: Throw }
);

/** One entry into a program, from the call to its return or whatever ended it. */
export interface Run {
  readonly world: World;
  /** Index of the program that was entered. */
  readonly program: number;
  readonly cpu: number;
  /** Every entry from C, the run's own first. */
  readonly entries: readonly Entry[];
  /** In order of time. */
  readonly marks: readonly Mark[];
  /** Whether nothing happens after it in its scenario. */
  readonly last: boolean;
  readonly status: RunStatus;
  readonly trace: Trace;
  /** In order of entry. */
  readonly activations: readonly Activation[];
  /** General registers by hardware number, as the caller had them and as it got them back. */
  readonly before: readonly bigint[];
  readonly after: readonly bigint[];
  /** Contents of each data area afterwards. */
  readonly memory: ReadonlyMap<string, Uint8Array>;
  readonly guards: readonly GuardWord[];
}
