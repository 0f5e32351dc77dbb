import * as z from 'zod';
import type { Path, Position } from './issues';
import { cpu, name } from './values';

/** The program runs, on the CPU that is being judged unless another is named. */
export interface RunEvent {
  readonly kind: 'run';
  readonly program: string;
  readonly cpu?: number;
  readonly times: number;
  readonly position: Position;
}

/** What happens in a scenario, in order. A new kind of event is one more member here and one more row below. */
export type ScenarioEvent = RunEvent;

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
