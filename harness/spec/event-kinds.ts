import * as z from 'zod';
import type { EventScope, Target } from './event-scope';
import type { InterruptEvent, ScenarioEvent, TrampolineEvent } from './events';
import type { Path } from './issues';
import { cpu, name, wide, wideValue } from './values';

interface EventKind<S extends z.ZodObject> {
  /** Its first key tells the kind. */
  readonly schema: S;
  lower(written: z.infer<S>, path: Path, scope: EventScope): ScenarioEvent | undefined;
}

const kind = <S extends z.ZodObject>(row: EventKind<S>): EventKind<S> => row;

const subprog = name.describe('A subprog, as `prog.sub`; just `sub` where only one program has it.');
const point = name.describe('A point of a run, as `call 2 of bpf_ktime_get_ns in prog.main` or `prog.main pc 3`.');
const onCpu = cpu.optional().describe('Default: the CPU that is being judged.');

const trampoline = <K extends TrampolineEvent['kind']>(key: K, when: string) =>
  kind({
    schema: z.strictObject({
      [key]: subprog,
      run: name.optional().describe(`The program that runs ${when} it; without one only C code does.`),
    } as { [P in K]: typeof subprog } & { run: z.ZodOptional<typeof name> }),
    lower(written, path, scope) {
      const { run } = written as { run?: string };
      const target = scope.attachable((written as Record<string, string>)[key]!, [...path, key], run);
      const program = run === undefined ? undefined : scope.programOf('tracing', run, [...path, 'run']);
      if (!target || (run !== undefined && !program)) return undefined;
      if (program?.attachType === 'modify_return') {
        return scope.report([...path, 'run'], "can't modify return codes of BPF program");
      }
      return {
        kind: key,
        target: target.ref,
        ...(program && { program: program.name }),
        position: scope.position(path),
      };
    },
  });

/** The kinds of events, each under the key that tells it. `run` and `fire` are keys of other kinds, too, and come last. */
export const EVENT_KINDS = {
  replace: kind({
    schema: z.strictObject({
      replace: subprog.describe('The global subprog that is replaced.'),
      with: name.describe('The program of type ext.'),
      at: point.optional().describe('When, if not from the beginning.'),
    }),
    lower(written, path, scope) {
      const target = scope.attachable(written.replace, [...path, 'replace'], written.with);
      const extension = scope.programOf('ext', written.with, [...path, 'with']);
      const at = written.at === undefined ? undefined : scope.point(written.at, [...path, 'at']);
      if (target && !isReplaceable(target)) {
        return scope.report([...path, 'replace'], `${written.replace} is not a global function`, {
          expected: 'a subprog that is declared global',
        });
      }
      if (!target || !extension || (written.at !== undefined && !at)) return undefined;
      const when = at ? { at } : {};
      return {
        kind: 'replace',
        target: target.ref,
        extension: extension.name,
        ...when,
        position: scope.position(path),
      };
    },
  }),
  fentry: trampoline('fentry', 'before'),
  fexit: trampoline('fexit', 'after'),
  throw: kind({
    schema: z.strictObject({
      throw: wide.describe('The cookie.'),
      in: subprog.describe('The subprog that throws.'),
      call: z.int().min(1).optional().describe('Which time it comes to a `bpf_throw`, counted from 1. Default: 1.'),
    }),
    lower(written, path, scope) {
      const target = scope.target(written.in, [...path, 'in']);
      if (!target || !scope.throws(target, [...path, 'in'])) return undefined;
      const cookie = wideValue(written.throw);
      return { kind: 'throw', cookie, target: target.ref, nth: written.call ?? 1, position: scope.position(path) };
    },
  }),
  interrupt: kind({
    schema: z.strictObject({
      interrupt: point,
      run: name.optional().describe('The program that runs meanwhile.'),
      fire: subprog.optional().describe('The async callback that runs meanwhile.'),
      cpu: z.enum(['same', 'other']).optional().describe('Where it runs. Default: same.'),
      guard: z
        .enum(['kernel', 'none'])
        .optional()
        .describe("Whether the kernel's guard against recursion skips what is active. Default: kernel."),
    }),
    lower(written, path, scope) {
      const at = scope.point(written.interrupt, [...path, 'interrupt']);
      const by = interruptor(written, path, scope);
      if (!at || !by) return undefined;
      const { cpu: where = 'same', guard = 'kernel' } = written;
      return { kind: 'interrupt', at, by, cpu: where, guard, position: scope.position(path) };
    },
  }),
  fire: kind({
    schema: z.strictObject({ fire: subprog.describe('The async callback that C code calls.'), cpu: onCpu }),
    lower(written, path, scope) {
      const callback = scope.callback(written.fire, [...path, 'fire']);
      return callback && { kind: 'fire', callback, ...cpuOf(written), position: scope.position(path) };
    },
  }),
  run: kind({
    schema: z.strictObject({
      run: name.describe('The program to run.'),
      cpu: onCpu,
      times: z.int().min(1).max(10_000).optional(),
    }),
    lower(written, path, scope) {
      const program = scope.program(written.run, [...path, 'run']);
      if (!program) return undefined;
      const times = written.times ?? 1;
      return { kind: 'run', program: program.name, ...cpuOf(written), times, position: scope.position(path) };
    },
  }),
};

const cpuOf = ({ cpu: on }: { readonly cpu?: number | undefined }) => (on === undefined ? {} : { cpu: on });

/** An extension takes the place of a global function; the main subprog's address is known to whoever attached it. */
const isReplaceable = ({ subprog: { isGlobal }, index }: Target): boolean => isGlobal === true && index !== 0;

function interruptor(
  { run, fire }: { readonly run?: string | undefined; readonly fire?: string | undefined },
  path: Path,
  scope: EventScope,
): InterruptEvent['by'] | undefined {
  if ((run === undefined) === (fire === undefined)) {
    const message = run === undefined ? 'nothing runs meanwhile' : '`run` and `fire` together';
    return scope.report(path, message, { expected: '`run: program` or `fire: callback`' });
  }
  if (run !== undefined) {
    const program = scope.program(run, [...path, 'run']);
    return program && { kind: 'run', program: program.name };
  }
  const callback = scope.callback(fire!, [...path, 'fire']);
  return callback && { kind: 'fire', callback };
}

const KEYS = Object.keys(EVENT_KINDS) as (keyof typeof EVENT_KINDS)[];

export const eventSchema = z.union(
  [
    EVENT_KINDS.replace.schema,
    EVENT_KINDS.fentry.schema,
    EVENT_KINDS.fexit.schema,
    EVENT_KINDS.throw.schema,
    EVENT_KINDS.interrupt.schema,
    EVENT_KINDS.fire.schema,
    EVENT_KINDS.run.schema,
  ],
  { error: 'event' },
);
export type EventSpec = z.infer<typeof eventSchema>;

/** Checks one event against the programs of its spec. */
export function lowerEvent(written: EventSpec, path: Path, scope: EventScope): ScenarioEvent | undefined {
  const key = KEYS.find((each) => each in written)!;
  return (EVENT_KINDS[key] as unknown as EventKind<z.ZodObject>).lower(written, path, scope);
}
