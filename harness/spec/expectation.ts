import type { LowerContext, Placed } from './context';
import type { Path, Position } from './issues';
import type { CheckId, Register, Verdict } from './names';
import type { Place } from './places';
import type { LoweredPrograms } from './programs';
import type { PolicyExpectationSpec, ScenarioExpectationSpec } from './schema-expect';
import type { SubprogRef } from './subprogs';
import type { Term } from './terms';
import { hexBytes, wideValue } from './values';
import { lowerVerdict } from './verdict';

/** The verdict that is declared, with what belongs to it. */
export type DeclaredVerdict =
  | { readonly kind: 'holds' }
  | {
      readonly kind: 'fails';
      /** Any check when absent. */
      readonly check?: CheckId;
      readonly first?: Placed<Place>;
      readonly regs: ReadonlyMap<Register, Placed<Term>>;
    }
  | { readonly kind: 'refused' | 'not-applicable'; readonly reason?: string };

/** The frame pointer that a subprog must have. */
export interface FramePointerExpectation {
  readonly subprog: SubprogRef;
  readonly term: Placed<Term>;
}

/** A listing to match, and where each of its lines stands. */
export interface ListingExpectation {
  readonly text: string;
  readonly position: Position;
  readonly lines: readonly Position[];
}

/** What is expected of one scenario under one policy. */
export interface Expectation {
  readonly verdict: Placed<DeclaredVerdict>;
  /** Where the verdict is declared for this policy by name. */
  readonly ofPolicy?: true;
  /** Unsigned, 64 bits. */
  readonly retval?: Placed<bigint>;
  /** `ctx` or the name of a map -> its first bytes. */
  readonly memory?: ReadonlyMap<string, Placed<Uint8Array>>;
  readonly stackDepth?: Placed<string>;
  readonly framePointers?: readonly FramePointerExpectation[];
  readonly jited?: ListingExpectation;
}

export type { Verdict };

/** One level of expectations: whatever it leaves out comes from a less specific one. */
export type PartialExpectation = { readonly [K in Exclude<keyof Expectation, 'ofPolicy'>]?: Expectation[K] };

/** Lowers what one level says itself; `frame_pointers` and `jited` only in their form under one policy. */
export function lowerLevel(
  written: PolicyExpectationSpec | Omit<ScenarioExpectationSpec, 'frame_pointers' | 'jited' | 'policies'>,
  path: Path,
  programs: LoweredPrograms,
  context: LowerContext,
): PartialExpectation {
  const verdict = lowerVerdict(written, path, programs, context);
  const { retval, memory, stack_depth: stackDepth } = written;
  return {
    ...(verdict && { verdict }),
    ...(retval !== undefined && { retval: context.place(wideValue(retval), [...path, 'retval']) }),
    ...(memory && { memory: lowerMemory(memory, [...path, 'memory'], context) }),
    ...(stackDepth !== undefined && { stackDepth: context.place(stackDepth, [...path, 'stack_depth']) }),
  };
}

export function lowerFramePointers(
  written: Readonly<Record<string, number | string>>,
  path: Path,
  { names }: LoweredPrograms,
  context: LowerContext,
): FramePointerExpectation[] {
  return Object.entries(written).flatMap(([name, value]): FramePointerExpectation[] => {
    const here = [...path, name];
    const found = names.resolve(name);
    if (!found.ok) context.reportKey(here, found.message, found);
    const term = context.term(value, here, names);
    return found.ok && term ? [{ subprog: found.ref, term }] : [];
  });
}

export function lowerListing(text: string, path: Path, context: LowerContext): ListingExpectation {
  const lines = text.split('\n').map((_, line) => context.source.inText(path, line + 1, 1));
  return { text, position: context.position(path), lines };
}

function lowerMemory(written: Readonly<Record<string, string>>, path: Path, context: LowerContext) {
  return new Map(
    Object.entries(written).map(([name, hex]) => [name, context.place(hexBytes(hex), [...path, name])] as const),
  );
}
