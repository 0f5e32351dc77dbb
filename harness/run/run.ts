import type { Analysis, JitImage, Program } from '../../jit';
import type { RunStatus } from '../machine/machine';
import type { Trace } from '../machine/trace';
import type { Activation } from './activations';
import type { CodeMap } from './code-map';

/** A program of a scenario, compiled and placed. */
export interface PlacedProgram {
  readonly name: string;
  readonly program: Program;
  readonly analysis: Analysis;
  /** By subprog, for each instruction the slot of the written program's that it is or stands for. */
  readonly origins: readonly (readonly number[])[];
  readonly image: JitImage;
  /** Address of each subprog's code. */
  readonly addresses: readonly bigint[];
  /** The linked bytes of each subprog. */
  readonly code: readonly Uint8Array[];
  /** Per-CPU pointer of each private block. */
  readonly blocks: readonly bigint[];
}

/** A helper or kfunc of a scenario. */
export interface PlacedHelper {
  readonly name: string;
  readonly address: bigint;
  /** Machine code given by the spec, which runs instead of a model. */
  readonly body?: { readonly bytes: Uint8Array };
}

/** Data that programs may touch. */
export interface DataArea {
  /** `ctx`, or the name of a map. */
  readonly name: string;
  readonly address: bigint;
  readonly size: number;
}

/** A variable of the kernel that inlined helpers read. */
export interface KernelVariable {
  readonly name: string;
  /** Of a per-CPU variable before the CPU's offset is added. */
  readonly address: bigint;
  readonly size: number;
  readonly percpu: boolean;
}

/** The end of a private block, after the run. */
export interface GuardWord {
  readonly program: number;
  readonly block: number;
  readonly cpu: number;
  readonly address: bigint;
  readonly value: bigint;
}

/** The world of a scenario: the same for all its runs. */
export interface World {
  readonly seed: number;
  readonly programs: readonly PlacedProgram[];
  readonly helpers: readonly PlacedHelper[];
  readonly data: readonly DataArea[];
  readonly variables: readonly KernelVariable[];
  readonly code: CodeMap;
}

/** One entry into a program, from the call to its return or whatever ended it. */
export interface Run {
  readonly world: World;
  /** Index of the program that was entered. */
  readonly program: number;
  readonly cpu: number;
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
