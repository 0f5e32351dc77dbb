import type { LowerContext } from './context';
import { lowerEvent } from './event-kinds';
import { EventScope } from './event-scope';
import type { ScenarioEvent } from './events';
import type { Path, Position } from './issues';
import { type ClobberRule, type HelperBody, lowerClobbers, lowerContextBytes, lowerHelpers } from './kernel-side';
import type { LoweredPrograms } from './programs';
import type { Spec } from './schema';

/** What happens, and in which surroundings. What the scenario leaves out is the spec's. */
export interface LoweredScenario {
  readonly name: string;
  readonly position: Position;
  readonly events: readonly ScenarioEvent[];
  readonly context: Uint8Array;
  readonly clobbers: readonly ClobberRule[];
  readonly helpers: readonly HelperBody[];
}

export const DEFAULT_SCENARIO = 'plain';

/** What scenarios take over from the spec. */
export interface Surroundings {
  readonly clobbers: readonly ClobberRule[];
  readonly helpers: readonly HelperBody[];
}

/** The names of a spec's scenarios. */
export function scenarioNames(spec: Spec): string[] {
  const names = Object.keys(spec.scenarios ?? {});
  return names.length > 0 ? names : [DEFAULT_SCENARIO];
}

export function lowerScenarios(
  spec: Spec,
  programs: LoweredPrograms,
  outer: Surroundings,
  context: LowerContext,
): LoweredScenario[] {
  return scenarioNames(spec).map((name) => {
    const written = spec.scenarios?.[name] ?? {};
    const path: Path = ['scenarios', name];
    const clobbers = lowerClobbers(written.clobbers, [...path, 'clobbers'], programs.kernel, programs.names, context);
    const helpers = lowerHelpers(written.helpers, [...path, 'helpers'], context);
    return {
      name,
      position: context.source.key(path),
      events: events(spec, written.do, [...path, 'do'], programs, context),
      context: lowerContextBytes(written.context ?? spec.context),
      clobbers: override(outer.clobbers, clobbers),
      helpers: override(outer.helpers, helpers),
    };
  });
}

/** The scenario's entries, and of the spec's those for other functions. */
function override<T extends { readonly name: string }>(outer: readonly T[], inner: readonly T[]): T[] {
  const names = new Set(inner.map((each) => each.name));
  return [...outer.filter((each) => !names.has(each.name)), ...inner];
}

type Events = NonNullable<NonNullable<Spec['scenarios']>[string]['do']>;

/** What is done; where nothing runs the first program does, after all that is arranged. */
function events(
  spec: Spec,
  written: Events | undefined,
  path: Path,
  programs: LoweredPrograms,
  context: LowerContext,
): ScenarioEvent[] {
  const scope = new EventScope(spec, programs, context);
  const lowered = (written ?? []).flatMap((event, at) => lowerEvent(event, [...path, at], scope) ?? []);
  if (lowered.some(({ kind }) => kind === 'run' || kind === 'fire')) return lowered;
  const { name } = programs.programs[0]!;
  return [...lowered, { kind: 'run', program: name, times: 1, position: context.position(path) }];
}
