import type { LowerContext } from './context';
import { CAPTURED, hasImage, onlyImages } from './image-body';
import type { Path } from './issues';
import { combine, suggest } from './jit';
import { DEFAULT_POLICIES } from './names';
import type { Spec } from './schema';
import { ALL_POLICIES, completePolicy, type InlinePolicy, type WrittenPolicy } from './schema-policy';
import { oneOf } from './words';

/** A policy to run: a name that the caller knows, or one written out in the spec. */
export type PolicyRef = string | InlinePolicy;

/** The policies that a spec lists, and all that its expectations may name. */
export interface SpecPolicies {
  readonly listed: readonly string[];
  readonly byName: ReadonlyMap<string, PolicyRef>;
}

/** The policies that a spec lists, as it writes them; empty where the default ones run. */
export function writtenPolicies({ policies = [] }: Pick<Spec, 'policies'>): readonly (string | WrittenPolicy)[] {
  return typeof policies === 'string' ? [policies] : policies;
}

/** The policies that a spec can run under. */
function policiesFor(spec: Spec, all: readonly string[]): readonly string[] {
  if (onlyImages(spec)) return [CAPTURED];
  return hasImage(spec) ? [...all, CAPTURED] : all;
}

/** The names that a list means, with the place of each. */
function* listedPolicies(spec: Spec, known: readonly string[]): Generator<[string | WrittenPolicy, Path]> {
  const byDefault = [...DEFAULT_POLICIES, CAPTURED].filter((name) => known.includes(name));
  const { policies = byDefault } = spec;
  const entries: [string | WrittenPolicy, Path][] =
    typeof policies === 'string'
      ? [[policies, ['policies']]]
      : policies.map((written, at) => [written, ['policies', at]]);
  for (const [written, path] of entries) {
    if (written === ALL_POLICIES) for (const name of known) yield [name, path];
    else yield [written, path];
  }
}

/** @param all names of the policies that there are */
export function lowerPolicies(spec: Spec, all: readonly string[], context: LowerContext): SpecPolicies {
  const known = policiesFor(spec, all);
  const byName = new Map<string, PolicyRef>(known.map((name) => [name, name]));
  const listed: string[] = [];
  for (const [written, at] of listedPolicies(spec, known)) {
    const inline = typeof written !== 'string';
    const name = inline ? written.name : written;
    const path = inline ? [...at, 'name'] : at;
    if (name !== CAPTURED && onlyImages(spec)) {
      const message = `a kernel has compiled the image: \`${name}\` has no say`;
      context.report(path, message, { expected: `${CAPTURED}, or a body beside the image` });
      continue;
    }
    if (name === CAPTURED && !hasImage(spec)) {
      context.report(path, 'no program has an image', { expected: '`image` of a program' });
      continue;
    }
    if (listed.includes(name)) context.report(path, `the policy \`${name}\` is listed twice`);
    else if (inline && (byName.has(name) || name === ALL_POLICIES)) {
      const what = name === ALL_POLICIES ? 'stands for all policies' : 'is the name of a known policy';
      context.report(path, `\`${name}\` ${what}`, { expected: 'a name of its own' });
    } else if (!inline && !byName.has(name)) {
      context.report(path, `unknown policy \`${name}\``, { expected: oneOf(known), suggestion: suggest(name, known) });
    }
    if (inline) {
      const policy = completePolicy(written);
      byName.set(name, policy);
      const combined = combine(policy);
      if ('invalid' in combined) context.report(at, `the policy \`${name}\` cannot be built: ${combined.invalid}`);
    }
    listed.push(name);
  }
  return { listed, byName };
}
