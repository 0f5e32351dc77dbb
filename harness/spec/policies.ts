import type { LowerContext } from './context';
import { suggest } from './jit';
import { DEFAULT_POLICIES } from './names';
import type { Spec } from './schema';
import { completePolicy, type InlinePolicy } from './schema-policy';
import { oneOf } from './words';

/** A policy to run: a name that the caller knows, or one written out in the spec. */
export type PolicyRef = string | InlinePolicy;

/** The policies that a spec lists, and all that its expectations may name. */
export interface SpecPolicies {
  readonly listed: readonly string[];
  readonly byName: ReadonlyMap<string, PolicyRef>;
}

export function lowerPolicies(spec: Spec, known: readonly string[], context: LowerContext): SpecPolicies {
  const byName = new Map<string, PolicyRef>(known.map((name) => [name, name]));
  const listed: string[] = [];
  for (const [at, written] of (spec.policies ?? DEFAULT_POLICIES.filter((name) => byName.has(name))).entries()) {
    const name = typeof written === 'string' ? written : written.name;
    const path = typeof written === 'string' ? ['policies', at] : ['policies', at, 'name'];
    if (listed.includes(name)) context.report(path, `the policy \`${name}\` is listed twice`);
    else if (typeof written !== 'string' && byName.has(name)) {
      context.report(path, `\`${name}\` is the name of a known policy`, { expected: 'a name of its own' });
    } else if (typeof written === 'string' && !byName.has(name)) {
      context.report(path, `unknown policy \`${name}\``, { expected: oneOf(known), suggestion: suggest(name, known) });
    }
    if (typeof written !== 'string') byName.set(name, completePolicy(written));
    listed.push(name);
  }
  return { listed, byName };
}
