import * as z from 'zod';
import { name } from './values';

export const CALL_KINDS = ['subprog', 'helper', 'kfunc', 'throw'] as const;

const preserve = z
  .union([
    z.enum(['none', 'push-pop', 'spill-slot', 'reload', 'callee-saved']),
    z.strictObject({ 'push-pop': z.array(z.enum(CALL_KINDS)).describe('The kinds of calls that are wrapped.') }),
  ])
  .describe('How the frame pointer survives a call; `push-pop` alone wraps every call.');

/** A policy written out in a spec: the five choices, and where may_goto keeps its count. */
export const inlinePolicySchema = z.strictObject({
  name: name.describe('What expectations call it; no named policy may have this name.'),
  block: z.enum(['none', 'function', 'subtree']),
  compute: z.enum(['absolute', 'callee-add', 'callee-add-sub', 'caller-add']).optional(),
  preserve: preserve.optional(),
  boundary: z.enum(['none', 'push-once']).optional(),
  callback: z.enum(['no-pop', 'pop-if-own', 'pop-if-boundary', 'skip', 'from-rbp']).optional(),
  may_goto: z.enum(['offset', 'pointer']).optional(),
});

type Written = z.infer<typeof inlinePolicySchema>;

/** An inline policy with nothing left open. */
export interface InlinePolicy {
  readonly name: string;
  readonly block: Written['block'];
  readonly compute: NonNullable<Written['compute']>;
  readonly preserve:
    | { readonly kind: 'none' | 'spill-slot' | 'reload' | 'callee-saved' }
    | { readonly kind: 'push-pop'; readonly calls: readonly (typeof CALL_KINDS)[number][] };
  readonly boundary: NonNullable<Written['boundary']>;
  readonly callback: NonNullable<Written['callback']>;
  readonly mayGoto: NonNullable<Written['may_goto']>;
}

/** Fills in the choices that were left out: what a policy without a private stack would have. */
export function completePolicy(written: Written): InlinePolicy {
  return {
    name: written.name,
    block: written.block,
    compute: written.compute ?? 'absolute',
    preserve: completePreserve(written.preserve ?? 'none'),
    boundary: written.boundary ?? 'none',
    callback: written.callback ?? 'no-pop',
    mayGoto: written.may_goto ?? 'offset',
  };
}

function completePreserve(written: NonNullable<Written['preserve']>): InlinePolicy['preserve'] {
  if (typeof written !== 'string') return { kind: 'push-pop', calls: written['push-pop'] };
  return written === 'push-pop' ? { kind: written, calls: CALL_KINDS } : { kind: written };
}
