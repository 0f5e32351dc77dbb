import { aluOp, type Insn, insnClass } from '../bpf/insn';
import { BPF_JMP, BPF_JMP32, BPF_JSET, BPF_X } from '../bpf/opcodes';
import { emitCmpImm, emitCmpReg, emitTestImm, emitTestReg } from '../idioms/compare';
import { CONDITIONS } from './conditions';
import { type Emitter, machineRegister } from './context';

/** `goto` with a 16-bit distance and `gotol` with one of 32. */
export const emitJa: Emitter = ({ out }, insn, pc) => {
  const distance = insnClass(insn) === BPF_JMP32 ? insn.imm : insn.off;
  out.role('jump');
  out.jump('jmp', pc + 1 + distance, true);
};

/** A comparison and a jump: the emitter of an opcode. */
export function conditionalEmitter(opcode: Insn): Emitter {
  const is64 = insnClass(opcode) === BPF_JMP;
  const op = aluOp(opcode);
  const test = op === BPF_JSET;
  const byRegister = test ? emitTestReg : emitCmpReg;
  const byImmediate = test ? emitTestImm : emitCmpImm;
  const condition = CONDITIONS[op]!;
  const fromRegister = (opcode.code & BPF_X) !== 0;
  return (context, insn, pc) => {
    const { out } = context;
    const dst = machineRegister(context, insn.dst);
    if (fromRegister) byRegister(out, is64, dst, machineRegister(context, insn.src));
    else byImmediate(out, is64, dst, insn.imm);
    out.role('jump');
    out.jump(condition, pc + 1 + insn.off, false);
  };
}
