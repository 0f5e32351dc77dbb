import * as z from 'zod';
import { name } from './values';

/** Stands for every policy that has a name. */
export const ALL_POLICIES = 'all';

export const CALL_KINDS = ['subprog', 'helper', 'kfunc', 'throw'] as const;

/** The values that each choice of a policy may have. */
export const CHOICES = {
  block: ['none', 'function', 'subtree'],
  compute: ['absolute', 'callee-add', 'callee-add-sub', 'caller-add'],
  preserve: ['none', 'push-pop', 'spill-slot', 'reload', 'callee-saved'],
  boundary: ['none', 'push-once'],
  callback: ['no-pop', 'pop-if-own', 'pop-if-boundary', 'skip', 'from-rbp'],
  mayGoto: ['offset', 'pointer'],
} as const;

const preserve = z
  .union([
    z.enum(CHOICES.preserve),
    z.strictObject({ 'push-pop': z.array(z.enum(CALL_KINDS)).describe('The kinds of calls that are wrapped.') }),
  ])
  .describe('How the frame pointer survives a call; `push-pop` alone wraps every call.');

/** A policy written out in a spec: the five choices, and where may_goto keeps its count. */
export const inlinePolicySchema = z.strictObject({
  name: name.describe('What expectations call it; no named policy may have this name.'),
  block: z.enum(CHOICES.block),
  compute: z.enum(CHOICES.compute).optional(),
  preserve: preserve.optional(),
  boundary: z.enum(CHOICES.boundary).optional(),
  callback: z.enum(CHOICES.callback).optional(),
  may_goto: z.enum(CHOICES.mayGoto).optional(),
});

export type WrittenPolicy = z.infer<typeof inlinePolicySchema>;

/** An inline policy with nothing left open. */
export interface InlinePolicy {
  readonly name: string;
  readonly block: WrittenPolicy['block'];
  readonly compute: NonNullable<WrittenPolicy['compute']>;
  readonly preserve:
    | { readonly kind: 'none' | 'spill-slot' | 'reload' | 'callee-saved' }
    | { readonly kind: 'push-pop'; readonly calls: readonly (typeof CALL_KINDS)[number][] };
  readonly boundary: NonNullable<WrittenPolicy['boundary']>;
  readonly callback: NonNullable<WrittenPolicy['callback']>;
  readonly mayGoto: NonNullable<WrittenPolicy['may_goto']>;
}

/** Fills in the choices that were left out: what a policy without a private stack would have, and how its blocks can be found. */
export function completePolicy(written: WrittenPolicy): InlinePolicy {
  return {
    name: written.name,
    block: written.block,
    compute: written.compute ?? (written.block === 'subtree' ? 'callee-add' : 'absolute'),
    preserve: completePreserve(written.preserve ?? 'none'),
    boundary: written.boundary ?? 'none',
    callback: written.callback ?? 'no-pop',
    mayGoto: written.may_goto ?? 'offset',
  };
}

function completePreserve(written: NonNullable<WrittenPolicy['preserve']>): InlinePolicy['preserve'] {
  if (typeof written !== 'string') return { kind: 'push-pop', calls: written['push-pop'] };
  return written === 'push-pop' ? { kind: written, calls: CALL_KINDS } : { kind: written };
}
