import {
  BPF_CALL,
  BPF_HELPER_CALL,
  BPF_JMP,
  BPF_PSEUDO_CALL,
  BPF_PSEUDO_FUNC,
  BPF_PSEUDO_KFUNC_CALL,
  HELPERS,
  type Insn,
  isLdImm64,
  type Program,
} from '../bpf';

const CALL = BPF_JMP | BPF_CALL;
const TAIL_CALL = HELPERS.id('bpf_tail_call');

export const isCall = (insn: Insn): boolean => insn.code === CALL;
export const isSubprogCall = (insn: Insn): boolean => insn.code === CALL && insn.src === BPF_PSEUDO_CALL;
/** A tail call is a call of a helper only in form. */
export const isTailCall = (insn: Insn): boolean =>
  insn.code === CALL && insn.src === BPF_HELPER_CALL && insn.imm === TAIL_CALL;
/** The address of a callback. */
export const isFuncReference = (insn: Insn): boolean => isLdImm64(insn) && insn.src === BPF_PSEUDO_FUNC;

/** The name of the helper or kfunc that an instruction calls, undefined for one without a name and for all else. */
export function calleeName(insn: Insn, { kfuncs }: Pick<Program, 'kfuncs'>): string | undefined {
  if (insn.code !== CALL) return undefined;
  if (insn.src === BPF_HELPER_CALL) return HELPERS.name(insn.imm);
  return insn.src === BPF_PSEUDO_KFUNC_CALL ? kfuncs[insn.imm] : undefined;
}

/** The kfunc that throws; control does not come back from it. */
export const isThrow = (insn: Insn, program: Pick<Program, 'kfuncs'>): boolean =>
  insn.code === CALL && insn.src === BPF_PSEUDO_KFUNC_CALL && program.kfuncs[insn.imm] === 'bpf_throw';
