import type { ClaimSpec } from './schema-claim';

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
}

type Written = NonNullable<ClaimSpec['premise']>;

const listed = <T extends string>(written: T | readonly T[]): readonly T[] =>
  typeof written === 'string' ? [written] : written;

/** Fills in what a claim leaves out: a premise that holds for every policy. */
export function lowerClaim({ id, statement, source, property, premise }: ClaimSpec): Claim {
  const entries = Object.entries(premise ?? {}) as [keyof Written, string | readonly string[]][];
  const lists = entries.filter(([, value]) => value !== undefined).map(([key, value]) => [key, listed(value)] as const);
  return { id, statement, source, property, premise: Object.fromEntries(lists) };
}
