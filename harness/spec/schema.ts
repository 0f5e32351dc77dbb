import * as z from 'zod';
import { eventSchema } from './event-kinds';
import { claimSchema } from './schema-claim';
import { expectSchema } from './schema-expect';
import { clobbersSchema, contextSchema, helperSchema, mapSchema } from './schema-kernel';
import { ALL_POLICIES, inlinePolicySchema } from './schema-policy';
import { programSchema } from './schema-program';
import { cpu, name } from './values';

const scenarioSchema = z.strictObject({
  context: contextSchema.optional(),
  clobbers: clobbersSchema.optional(),
  helpers: z.record(z.string(), helperSchema).optional(),
  do: z.array(eventSchema).min(1).optional().describe('What happens, in order. Default: the first program runs.'),
});
export type ScenarioSpec = z.infer<typeof scenarioSchema>;

/** A spec as it is written. Plain JSON shapes: whatever depends on two places at once is checked when it is lowered. */
export const specSchema = z.strictObject({
  name: name.max(200).describe('Unique among all specs that are loaded together.'),
  description: z.string().optional(),
  claims: z.array(name).optional().describe('Ids of the claims that this spec is about.'),
  claim: claimSchema.optional().describe('The claim that this spec decides.'),
  policies: z
    .union([z.literal(ALL_POLICIES), z.array(z.union([name, inlinePolicySchema])).min(1)])
    .optional()
    .describe(
      'Policies that run: names, written out, or `all` named ones. Default: kernel-stack, linux-6.18, subtree.',
    ),
  cpus: z.array(cpu).min(1).optional().describe('CPUs that are judged, one after the other. Default: [0].'),
  seed: z.int().min(0).optional().describe('Seed of all junk. Default: 1.'),
  programs: z.record(z.string(), programSchema).describe('The first one runs unless a scenario says otherwise.'),
  helpers: z.record(z.string(), helperSchema).optional().describe('A name that is no helper becomes a kfunc.'),
  kfuncs: z.array(name).optional().describe('Names of more kfuncs.'),
  clobbers: clobbersSchema.optional().describe('What a helper or kfunc leaves in registers, call by call.'),
  maps: z.record(z.string(), mapSchema).optional(),
  context: contextSchema.optional(),
  scenarios: z.record(z.string(), scenarioSchema).optional().describe('Default: one, named plain.'),
  sweep: z
    .record(
      z.string(),
      z.union([z.array(z.int().min(0), { error: 'a list of numbers' }).min(1), z.string({ error: 'a range "0..64"' })]),
    )
    .optional()
    .describe('`depth(main): [49, 64]` or `"0..64"`, `seed: 1..20`: the spec is repeated over all combinations.'),
  expect: expectSchema.optional(),
});
export type Spec = z.infer<typeof specSchema>;

/** The format as JSON Schema (draft 2020-12), for editors. */
export function jsonSchema(): object {
  return { title: 'privstack spec', ...z.toJSONSchema(specSchema, { target: 'draft-2020-12' }) };
}
