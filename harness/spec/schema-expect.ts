import * as z from 'zod';
import { CHECK_IDS, REGISTERS, type Register, VERDICTS } from './names';
import { hexText, name, term, wide } from './values';

const registers = Object.fromEntries(REGISTERS.map((each) => [each, term.optional()])) as Record<
  Register,
  z.ZodOptional<typeof term>
>;

const framePointers = z.record(z.string(), term).describe('Subprog -> the value of its frame pointer.');

const shared = {
  verdict: z.enum(VERDICTS).optional(),
  fails: z.enum(CHECK_IDS).optional().describe('The check that must find it; stands for `verdict: fails`.'),
  first: name.optional().describe('Where the first finding is: `sub pc 2`, `after call X in f`.'),
  regs: z
    .strictObject(registers)
    .optional()
    .describe('Register values at the first finding; of exception and callee-saved, at the end.'),
  refused: name.optional().describe('Part of the reason; stands for `verdict: refused`.'),
  not_applicable: name.optional().describe('Part of the reason; stands for `verdict: not-applicable`.'),
  retval: wide.optional().describe('The value of r0 at the exit of the program.'),
  memory: z.record(z.string(), hexText).optional().describe('`ctx` or a map -> its first bytes after the run.'),
  stack_depth: z
    .string()
    .regex(/^\d+(\+\d+)*( max \d+)?$/, { error: '"120+80+40 max 240"' })
    .optional()
    .describe("Stack depths, in the words of the verifier's log."),
};

/** What is expected under one policy. */
export const policyExpectationSchema = z.strictObject({
  ...shared,
  frame_pointers: framePointers.optional(),
  jited: z.string().optional().describe('A listing to match, in the dialect of the kernel selftests.'),
});
export type PolicyExpectationSpec = z.infer<typeof policyExpectationSchema>;

/** What is expected in one scenario, whatever the policy, and policy by policy. */
export const scenarioExpectationSchema = z.strictObject({
  ...shared,
  frame_pointers: z.record(z.string(), framePointers).optional().describe('Policy -> frame pointers.'),
  jited: z.record(z.string(), z.string()).optional().describe('Policy -> listing.'),
  policies: z.record(z.string(), policyExpectationSchema).optional(),
});
export type ScenarioExpectationSpec = z.infer<typeof scenarioExpectationSchema>;

export const expectSchema = scenarioExpectationSchema.extend({
  scenarios: z.record(z.string(), scenarioExpectationSchema).optional(),
});
export type ExpectSpec = z.infer<typeof expectSchema>;
