/** The checks, by the ids that specs, faults and reports use. This list is closed. */
export const CHECK_IDS = [
  'frame-address',
  'frame-pointer',
  'frame-bounds',
  'guards',
  'cpu-isolation',
  'callee-saved',
  'stack-balance',
  'call-target',
  'retval',
  'memory',
  'interpreter',
  'exception',
  'recursion',
  'tail-call',
  'unwind',
  'termination',
  'fault',
  'bytes',
] as const;
export type CheckId = (typeof CHECK_IDS)[number];

/** What a run of one scenario under one policy can come to. */
export const VERDICTS = ['holds', 'fails', 'refused', 'not-applicable'] as const;
export type Verdict = (typeof VERDICTS)[number];

export { PROGRAM_TYPES, type ProgramType } from './jit';

/** Registers that a called function may destroy (System V ABI, x86-64). */
export const CALLER_SAVED = ['rax', 'rcx', 'rdx', 'rsi', 'rdi', 'r8', 'r9', 'r10', 'r11'] as const;
export type CallerSaved = (typeof CALLER_SAVED)[number];

/** Registers that a called function must keep. */
export const CALLEE_SAVED = ['rbx', 'rbp', 'r12', 'r13', 'r14', 'r15'] as const;

/** All general registers. */
export const REGISTERS = [...CALLER_SAVED, ...CALLEE_SAVED, 'rsp'] as const;
export type Register = (typeof REGISTERS)[number];

/** CPUs that the machine has. */
export const MACHINE_CPUS = [0, 1] as const;

/** Policies that run where a spec names none. */
export const DEFAULT_POLICIES = ['kernel-stack', 'linux-6.18', 'subtree'] as const;
