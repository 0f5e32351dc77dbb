import type { LowerContext } from './context';
import { lowerEvent, type ScenarioEvent } from './events';
import type { Path, Position } from './issues';
import { suggest } from './jit';
import { type ClobberRule, type HelperBody, lowerClobbers, lowerContextBytes, lowerHelpers } from './kernel-side';
import type { LoweredPrograms } from './programs';
import type { Spec } from './schema';
import { oneOf } from './words';

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
      events: events(written.do, [...path, 'do'], programs, context),
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

function events(
  written: Events | undefined,
  path: Path,
  { programs }: LoweredPrograms,
  context: LowerContext,
): ScenarioEvent[] {
  if (written === undefined) {
    return [{ kind: 'run', program: programs[0]!.name, times: 1, position: context.position(path) }];
  }
  const known = programs.map((each) => each.name);
  const scope = {
    program(name: string, at: Path) {
      if (known.includes(name)) return name;
      return context.report(at, `unknown program \`${name}\``, {
        expected: oneOf(known),
        suggestion: suggest(name, known),
      });
    },
    position: (at: Path) => context.position(at),
  };
  return written.flatMap((event, at) => lowerEvent(event, [...path, at], scope) ?? []);
}
