import type { LowerContext } from './context';
import type { ClaimSpec } from './schema-claim';
import type { SubprogNames, SubprogRef } from './subprogs';

/** The claim that a spec is about. */
export interface Claim {
  /** As in `C1`, `E3.main`, `V3-7`. */
  readonly id: string;
  /** One sentence. */
  readonly statement: string;
  /** Where it was said: the mail, and the claim in it. */
  readonly source: { readonly message: string; readonly claim: string };
  /** What is judged, in one sentence. */
  readonly property: string;
  /** Choices that a policy must have made for the claim to be about it; a policy with other ones is not-applicable. */
  readonly premise: Premise;
}

/** For each choice the values that it may have; a choice that is left out may have any. */
export interface Premise {
  readonly block?: readonly string[];
  readonly compute?: readonly string[];
  readonly preserve?: readonly string[];
  /** Kinds of calls that must be wrapped by push and pop, and kinds that must not. */
  readonly wraps?: readonly string[];
  readonly leaves?: readonly string[];
  readonly boundary?: readonly string[];
  readonly callback?: readonly string[];
  /** Machine registers of which one must hold private frame pointers. */
  readonly register?: readonly string[];
  /** Subprogs that must have a private frame: not a choice, but what the analysis makes of it. */
  readonly private?: readonly SubprogRef[];
}

type Written = NonNullable<ClaimSpec['premise']>;

const listed = <T extends string>(written: T | readonly T[]): readonly T[] =>
  typeof written === 'string' ? [written] : written;

/** Fills in what a claim leaves out: a premise that holds for every policy. A subprog that there is not is an issue. */
export function lowerClaim(written: ClaimSpec, names: SubprogNames, context: LowerContext): Claim {
  const { id, statement, source, property, premise = {} } = written;
  const { private: subprogs, ...choices } = premise;
  const entries = Object.entries(choices) as [keyof Omit<Written, 'private'>, string | readonly string[]][];
  const lists = entries.filter(([, value]) => value !== undefined).map(([key, value]) => [key, listed(value)] as const);
  const refs = subprogs?.flatMap((name, at): SubprogRef[] => {
    const found = names.resolve(name);
    if (found.ok) return [found.ref];
    context.report(['claim', 'premise', 'private', at], found.message, found);
    return [];
  });
  return { id, statement, source, property, premise: { ...Object.fromEntries(lists), ...(refs && { private: refs }) } };
}
