/** All that specs need of the JIT: the BPF model. */
export {
  type AsmError,
  BPF_CALL,
  BPF_HELPER_CALL,
  BPF_JMP,
  BPF_PSEUDO_CALL,
  BPF_PSEUDO_KFUNC_CALL,
  HELPERS,
  KFUNCS,
  type LoadResult,
  loadProgram,
  MAX_BPF_STACK,
  type Program,
  parseAsm,
  pcsOf,
  printProgram,
  slots,
} from '../../jit/bpf';
export { suggest } from '../../jit/bpf/suggest';
