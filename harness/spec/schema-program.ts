import * as z from 'zod';
import { PROGRAM_TYPES } from './names';
import { name } from './values';

/** The ways to write a program's body; a program has exactly one of them, or an image alone. */
export const BODY_KEYS = ['tree', 'asm', 'hex', 'file'] as const;

const required = (key: string) => ({ required: [key] });

export const programSchema = z
  .strictObject({
    type: z.enum(PROGRAM_TYPES).describe('The program type, BPF_PROG_TYPE_* in lower case.'),
    attach_type: name.optional().describe('The expected attach type, BPF_* in lower case, as trace_iter.'),
    exception_callback: name.optional().describe('The global subprog that catches what is thrown.'),
    async_callbacks: z
      .array(name)
      .min(1)
      .optional()
      .describe('Subprogs that C code calls later, besides those that a timer or work queue is given.'),
    aware_of: name
      .optional()
      .describe('Of an extension: the global subprog, as `prog.sub`, that it is compiled to replace.'),
    eligible_as: z
      .enum(PROGRAM_TYPES)
      .optional()
      .describe('A design question: its frames are private if those of this type are.'),
    priv_stack_requested: z
      .boolean()
      .optional()
      .describe('Of a struct_ops program: whether its member asks for private stacks. Default: it does not.'),
    verifier_insns: z
      .boolean()
      .optional()
      .describe('Allows what only the verifier makes: loads that may fault, accesses to an arena, `nospec`.'),
    tree: z.string().optional().describe('A call tree, one `name depth [flags]` a line; bodies are generated.'),
    asm: z.string().optional().describe("Assembly text in the kernel's dialect."),
    hex: z.string().optional().describe('Instructions in wire form, as hexadecimal.'),
    file: name.optional().describe("A file of assembly, or a BPF object, by its path from the spec's folder."),
    section: name.optional().describe('Of an object with several programs: the section or name of this one.'),
    btf: name
      .optional()
      .describe(
        'Of an object with CO-RE relocations: a file with the BTF of a kernel. Default: that of the running one.',
      ),
    image: name
      .optional()
      .describe(
        'What a kernel made of a program: `captures.ndjson#name`, a file relative to this one and a name in it. Beside a body, the image of that body.',
      ),
  })
  .meta({ oneOf: [...BODY_KEYS.map(required), { ...required('image'), not: { anyOf: BODY_KEYS.map(required) } }] });
export type ProgramSpec = z.infer<typeof programSchema>;
