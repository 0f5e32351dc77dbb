import * as z from 'zod';
import { REGISTERS } from './names';
import { CALL_KINDS, CHOICES } from './schema-policy';
import { name } from './values';

/** One value of a choice, or a list of which a policy must have one. */
const values = <T extends readonly [string, ...string[]]>(known: T) =>
  z.union([z.enum(known), z.array(z.enum(known)).min(1)]).optional();

const calls = z.array(z.enum(CALL_KINDS)).min(1).optional();

export const claimSchema = z.strictObject({
  id: name.describe('As `C1` or `E3.main`; unique among all specs that are loaded together.'),
  statement: name.describe('One sentence.'),
  source: z.strictObject({
    message: name.describe('The mail in which it was said.'),
    claim: name.describe('The claim in it, in its words.'),
  }),
  property: name.describe('What is judged, in one sentence.'),
  premise: z
    .strictObject({
      block: values(CHOICES.block),
      compute: values(CHOICES.compute),
      preserve: values(CHOICES.preserve),
      wraps: calls.describe('Kinds of calls that the policy must wrap by push and pop.'),
      leaves: calls.describe('Kinds of calls that it must not wrap.'),
      boundary: values(CHOICES.boundary),
      callback: values(CHOICES.callback),
      register: values(REGISTERS).describe('Machine registers that private frame pointers may be in.'),
      private: z.array(name).min(1).optional().describe('Subprogs that must have a private frame under the policy.'),
    })
    .optional()
    .describe('What must be so of a policy for the claim to be about it. Default: any policy.'),
});
export type ClaimSpec = z.infer<typeof claimSchema>;
