import { aluOp, BPF_JA, BPF_JMP, BPF_JMP32, BPF_JSET, BPF_X, type Insn, insnClass } from '../bpf';
import { emitCmpImm, emitCmpReg, emitTestImm, emitTestReg } from '../idioms';
import { CONDITIONS } from './conditions';
import { type EmitContext, machineRegister } from './context';

/** `goto` with a 16-bit distance and `gotol` with one of 32. */
export function emitJa({ out }: EmitContext, insn: Insn, pc: number): void {
  const distance = insnClass(insn) === BPF_JMP32 ? insn.imm : insn.off;
  out.role('jump');
  out.jump('jmp', pc + 1 + distance, true);
}

/** A comparison and a jump. */
export function emitConditionalJump(context: EmitContext, insn: Insn, pc: number): void {
  const { out } = context;
  const is64 = insnClass(insn) === BPF_JMP;
  const op = aluOp(insn);
  const dst = machineRegister(context, insn.dst);
  const test = op === BPF_JSET;
  if ((insn.code & BPF_X) !== 0) {
    const src = machineRegister(context, insn.src);
    if (test) emitTestReg(out, is64, dst, src);
    else emitCmpReg(out, is64, dst, src);
  } else if (test) emitTestImm(out, is64, dst, insn.imm);
  else emitCmpImm(out, is64, dst, insn.imm);
  out.role('jump');
  out.jump(CONDITIONS[op]!, pc + 1 + insn.off, false);
}

export const isJa = (insn: Insn): boolean => aluOp(insn) === BPF_JA;
