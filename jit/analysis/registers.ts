import { BPF_REG_6, BPF_REG_9, type Insn, isLdImm64 } from '../bpf';

/**
 * The registers of r6..r9 that a subprog names in any destination or source field, in order: those that its prologue saves
 * (detect_reg_usage() in arch/x86/net/bpf_jit_comp.c, which looks at the fields alone). The source field of ld_imm64 is not a
 * register but the kind of the address, which the verifier clears once it has put the address in.
 */
export function calleeSavedRegisters(insns: readonly Insn[]): readonly number[] {
  let used = 0;
  for (const insn of insns) used |= (1 << insn.dst) | (isLdImm64(insn) ? 0 : 1 << insn.src);
  const registers: number[] = [];
  for (let r = BPF_REG_6; r <= BPF_REG_9; r++) if ((used & (1 << r)) !== 0) registers.push(r);
  return registers;
}
