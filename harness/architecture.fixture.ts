/**
 * Who may import whom. An area is a folder (`jit/emit`), or a file of its own right beside them (`jit/link`); the files
 * right in `harness/` compose the rest and are one area, `harness`; so are the commands, `scripts`.
 */
export interface Rule {
  readonly of: string;
  readonly may: readonly string[];
  /** Of these, types only: nothing of them runs. */
  readonly types?: readonly string[];
  readonly because: string;
}

const PURE = ['jit/bpf', 'jit/x86', 'jit/rewrite', 'jit/analysis', 'jit/idioms', 'jit/policy', 'jit/kernel-config'];
const MACHINE = ['harness/machine', 'harness/kernel', 'harness/run'];
const JUDGED = [
  'harness/elf',
  'harness/spec',
  'harness/check',
  'harness/oracle',
  'harness/reference',
  'harness/conformance',
  'harness/kernel-image',
  'harness/capture',
  'harness/fault',
];

export const RULES: readonly Rule[] = [
  { of: 'jit/bpf', may: [], because: 'the BPF model is about BPF alone: every other part builds on it' },
  { of: 'jit/x86', may: [], because: 'the encoding table is a manual of the CPU: it knows neither BPF nor Linux' },
  {
    of: 'jit/rewrite',
    may: ['jit/bpf', 'jit/kernel-config'],
    because: 'what the verifier rewrites is BPF before and BPF after',
  },
  { of: 'jit/analysis', may: ['jit/bpf'], because: 'the verifier decides before anybody thinks of machine code' },
  { of: 'jit/idioms', may: ['jit/x86'], because: 'an idiom picks among encodings, whatever it is used for' },
  {
    of: 'jit/policy',
    may: ['jit/x86', 'jit/idioms'],
    types: ['jit/analysis'],
    because: 'a policy turns facts into instructions: it reads the facts, and the analysis makes them',
  },
  { of: 'jit/kernel-config', may: [], because: 'a configuration is plain data' },
  { of: 'jit/emit', may: PURE, because: 'the emitter is below composition and image' },
  { of: 'jit/image', may: [], types: ['jit/emit'], because: 'an image is data that others can make, too' },
  { of: 'jit/link', may: [], types: ['jit/image', 'jit/x86'], because: 'any image can be linked, whoever made it' },
  { of: 'jit/compile', may: [...PURE, 'jit/emit', 'jit/image'], because: 'it composes what is below it' },
  {
    of: 'jit/index',
    may: [...PURE, 'jit/emit', 'jit/image', 'jit/link', 'jit/compile'],
    because: 'it is the public surface of the JIT',
  },
  { of: 'harness/native', may: [], because: 'it wraps the addon, and knows nothing of what runs in it' },
  {
    of: 'harness/machine',
    may: ['harness/native', 'jit/index'],
    because: 'the machine runs any image: it must not know who emitted it',
  },
  {
    of: 'harness/kernel',
    may: ['harness/native', 'harness/machine', 'jit/index'],
    because: 'the kernel around a program is the same under every policy',
  },
  {
    of: 'harness/run',
    may: ['harness/machine', 'harness/kernel', 'harness/spec', 'jit/index'],
    because: 'a run records what happened, without an opinion',
  },
  {
    of: 'harness/elf',
    may: ['jit/index'],
    because: 'bytes in, programs out: an object is read without a file, a kernel or a machine',
  },
  {
    of: 'harness/spec',
    may: ['harness/elf', 'jit/index'],
    because: 'a spec says what is wanted: it needs no machine, and of the JIT only the public surface',
  },
  {
    of: 'harness/check',
    may: [...MACHINE, 'harness/spec', 'jit/index'],
    because: 'a check expects what spec and analysis say: a wrong policy must not agree with itself',
  },
  { of: 'harness/report', may: [], because: 'a report prints its own model: plain data, from anywhere' },
  {
    of: 'harness/oracle',
    may: ['harness/native', 'jit/index'],
    because: 'an oracle has its own mind; one of them is in C',
  },
  {
    of: 'harness/reference',
    may: [...MACHINE, 'harness/spec', 'harness/oracle', 'jit/index'],
    because: 'it puts the kernel of the machine around the interpreter, and knows nothing of what is judged',
  },
  {
    of: 'harness/conformance',
    may: ['jit/index'],
    because: 'it reads files that were written for any implementation of BPF',
  },
  {
    of: 'harness/fault',
    may: [...MACHINE, ...JUDGED, 'harness/report', 'harness', 'jit/index'],
    because: 'faults plug into the public surface from outside, and are judged as any case is',
  },
  { of: 'harness/capture', may: ['harness/run', 'jit/index'], because: 'it reads what other JITs made' },
  {
    of: 'harness/kernel-image',
    may: ['harness/native', 'harness/capture', 'jit/index'],
    because: 'it makes images of a real kernel',
  },
  {
    of: 'harness/fuzz',
    may: [...MACHINE, ...JUDGED, 'harness', 'jit/index'],
    because: 'a campaign drives everything, and prints nothing',
  },
  {
    of: 'harness/bench',
    may: ['harness/native', ...MACHINE, 'harness/fuzz', 'harness', 'jit/index'],
    because: 'it measures what a campaign does beside what the library alone takes',
  },
  {
    of: 'harness/replay',
    may: ['harness/native', 'harness/machine', 'harness/kernel', 'harness/kernel-image', 'harness', 'jit/index'],
    because: 'it runs the same bytes on the CPU and in the emulator, below everything that judges',
  },
  {
    of: 'harness/matrix',
    may: [...MACHINE, ...JUDGED, 'harness', 'harness/report', 'jit/index'],
    because: 'it judges claims as specs are judged, and leaves printing to the report',
  },
  {
    of: 'harness',
    may: [
      ...[...MACHINE, ...JUDGED, 'harness/report', 'harness/fuzz', 'harness/bench', 'harness/matrix', 'harness/replay'],
      'jit/index',
    ],
    because: 'it composes load, compile, run and check; the addon is behind the machine',
  },
  {
    of: 'harness/doctor',
    may: ['harness/native', 'harness/machine'],
    because: 'the doctor looks at the addon and the assembler, and at nothing that needs them to work',
  },
  {
    of: 'scripts',
    may: ['jit/index', 'harness/index', 'harness/fuzz', 'package.json'],
    because: 'a command parses its arguments, calls, prints and sets the exit code, nothing else',
  },
  {
    of: 'scripts/parity-live',
    may: ['scripts', 'harness', 'harness/index', 'harness/kernel-image', 'jit/index'],
    because: 'it holds our JIT against the one of the running kernel, which nothing else may touch',
  },
];

/** The one home of each npm package. */
export const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  '@alexaltea/keystone-js': ['harness/machine'],
  'iced-x86': ['harness/machine', 'harness/kernel-image', 'harness/capture'],
  yaml: ['harness/spec'],
  zod: ['harness/spec'],
  picocolors: ['harness/report'],
  commander: ['scripts'],
};

/** What the parts that judge must not take from the public surface of the JIT, by the file that it comes from. */
export const EMITTING = ['./policy', './compile', './emit/context'];
export const INNOCENT = ['harness/machine', 'harness/kernel', 'harness/run', 'harness/check'];

/** Files of more than 400 lines, with the reason. */
export const LONG: Readonly<Record<string, string>> = {
  'harness/oracle/interpret.test.ts': 'tables of programs, a section for each family of instructions',
};
