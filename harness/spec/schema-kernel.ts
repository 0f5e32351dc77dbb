import * as z from 'zod';
import { CALLER_SAVED, type CallerSaved } from './names';
import { cpu, hexText, name, term, wide } from './values';

/** What the kernel around the programs does and holds: helper bodies, destroyed registers, maps, the context. */

/** Most entries of an array of programs: far more than the 33 tail calls that one run may make. */
const MAX_ENTRIES = 65_536;

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

/** The two kinds of maps, by the key that tells them. */
const MAP_KEYS = ['size', 'prog_array'] as const;

export const mapSchema = z
  .strictObject({
    size: z
      .int()
      .min(1)
      .max(1 << 16)
      .optional()
      .describe('Bytes of the value.'),
    init: hexText.optional().describe('The first bytes of the value; the rest is zero.'),
    arena: z
      .boolean()
      .optional()
      .describe('An arena; `size` is that of its pages that are allocated, from its start, a multiple of 4096.'),
    prog_array: z
      .record(z.string().regex(/^(0|[1-9]\d{0,4})$/, { error: 'an index' }), name)
      .optional()
      .describe('An array of programs for tail calls: index -> program.'),
    entries: z
      .int()
      .min(1)
      .max(MAX_ENTRIES)
      .optional()
      .describe('Of an array of programs. Default: as many as it needs.'),
  })
  .meta({ oneOf: MAP_KEYS.map((key) => ({ required: [key] })) });
export type MapWritten = z.infer<typeof mapSchema>;

export const contextSchema = z
  .union([z.int().min(0).max(4096), hexText])
  .describe('The bytes r1 points to: in hexadecimal, or how many zero bytes.');
