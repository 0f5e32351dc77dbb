import * as z from 'zod';
import type { EventPoint } from './event-points';
import type { Path, Position } from './issues';
import type { SubprogRef } from './subprogs';
import { cpu, name } from './values';

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
 * kind of event is one more member here and one more row below.
 */
export type ScenarioEvent = RunEvent | FireEvent | ReplaceEvent | TrampolineEvent | ThrowEvent | InterruptEvent;

const runSchema = z.strictObject({
  run: name.describe('The program to run.'),
  cpu: cpu.optional().describe('Default: the CPU that is being judged.'),
  times: z.int().min(1).max(10_000).optional(),
});

/** What an event needs from around it to be checked. */
export interface EventScope {
  /** The program of that name; reports an unknown one at `path`. */
  program(name: string, path: Path): string | undefined;
  position(path: Path): Position;
}

interface EventKind<S extends z.ZodObject> {
  readonly schema: S;
  lower(written: z.infer<S>, path: Path, scope: EventScope): ScenarioEvent | undefined;
}

const kind = <S extends z.ZodObject>(row: EventKind<S>): EventKind<S> => row;

/** The kinds of events, each under the key that tells it. */
export const EVENT_KINDS = {
  run: kind({
    schema: runSchema,
    lower(written, path, scope) {
      const program = scope.program(written.run, [...path, 'run']);
      if (program === undefined) return undefined;
      const on = written.cpu === undefined ? {} : { cpu: written.cpu };
      return { kind: 'run', program, ...on, times: written.times ?? 1, position: scope.position(path) };
    },
  }),
};

// `never` makes it a union even while there is one kind, so that an unknown event is reported as one.
export const eventSchema = z.union([EVENT_KINDS.run.schema, z.never()], { error: 'event' });
export type EventSpec = z.infer<typeof eventSchema>;

/** Checks one event against the programs of its spec. */
export function lowerEvent(written: EventSpec, path: Path, scope: EventScope): ScenarioEvent | undefined {
  const key = (Object.keys(EVENT_KINDS) as (keyof typeof EVENT_KINDS)[]).find((each) => each in written)!;
  return (EVENT_KINDS[key] as unknown as EventKind<z.ZodObject>).lower(written, path, scope);
}
