import * as z from 'zod';
import { CALLER_SAVED, type CallerSaved } from './names';
import { cpu, hexText, term, wide } from './values';

/** What the kernel around the programs does and holds: helper bodies, destroyed registers, maps, the context. */

export const helperSchema = z.strictObject({
  asm: z.string().optional().describe('x86-64 assembly of the whole body, Intel syntax.'),
  returns: wide.optional().describe('What it returns.'),
});

const registers = Object.fromEntries(CALLER_SAVED.map((each) => [each, term.optional()])) as Record<
  CallerSaved,
  z.ZodOptional<typeof term>
>;

export const clobberSchema = z.strictObject({
  call: z
    .union([z.int().min(1), z.string().regex(/^\d+\.\.\d*$/, { error: 'n, "n.." or "a..b"' })])
    .optional()
    .describe('Which calls of the run, counted from 1: `2`, `2..`, `2..5`. Default: all.'),
  cpu: cpu.optional(),
  all: z.literal('junk').optional().describe('Destroy every caller-saved register (they always are; this says so).'),
  returns: wide.optional().describe('What this call returns.'),
  ...registers,
});

export const clobbersSchema = z.record(z.string(), z.array(clobberSchema));

export const mapSchema = z.strictObject({
  size: z
    .int()
    .min(1)
    .max(1 << 16)
    .describe('Bytes of the value.'),
  init: hexText.optional().describe('The first bytes of the value; the rest is zero.'),
});

export const contextSchema = z
  .union([z.int().min(0).max(4096), hexText])
  .describe('The bytes r1 points to: in hexadecimal, or how many zero bytes.');
