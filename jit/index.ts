/** The whole public surface of the JIT: pure functions from programs to machine code. */

export * from './analysis';
export * from './bpf';
export { type CompileInput, compile, type Rework } from './compile';
export { JitError, type Resolver } from './emit/context';
export { PROLOGUE_PC } from './emit/site';
export type { BpfJump, MachineInsn, StreamItem } from './emit/stream';
export type * from './image';
export { type KernelConfig, LINUX_6_18 } from './kernel-config';
export { LinkError, link, type Placement, targetOf } from './link';
export {
  type CallKind,
  CHOICE_VALUES,
  choicesOf,
  combine,
  type InvalidPolicy,
  notApplicable,
  POLICIES,
  type PolicyChoices,
  policyNamed,
  type StackPolicy,
  sensibleCombinations,
} from './policy';
export { MAY_GOTO_THUNKS, type RewriteOptions, type Rewritten, rewrite } from './rewrite';
export * as x86 from './x86';
export { GPR_NAMES, Gpr, type GprName, type Operand, type SymbolRef, type Target, X86_64 } from './x86';
export { type PrintContext as MachinePrintContext, printAtt, printIntel } from './x86/print';
