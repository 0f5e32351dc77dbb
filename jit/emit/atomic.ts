import { accessBytes, type Insn, insnMode } from '../bpf/insn';
import {
  BPF_ADD,
  BPF_AND,
  BPF_CMPXCHG,
  BPF_FETCH,
  BPF_LOAD_ACQ,
  BPF_OR,
  BPF_PROBE_ATOMIC,
  BPF_REG_0,
  BPF_STORE_REL,
  BPF_XCHG,
  BPF_XOR,
} from '../bpf/opcodes';
import { type AluMnemonic, emitAluReg } from '../idioms/alu';
import { emitLdx, emitLdxIndex, emitStx, memOperand } from '../idioms/memory';
import { emitMovReg } from '../idioms/moves';
import { X86_64 } from '../x86/abi';
import type { FormName } from '../x86/forms';
import { rel8 } from '../x86/operands';
import { Gpr, r32, r64 } from '../x86/registers';
import { type EmitContext, machineRegister } from './context';

/** Read-modify-write operations that are one x86 instruction, at 32 and 64 bits. */
const SINGLE: Readonly<Record<number, readonly [FormName, FormName]>> = {
  [BPF_ADD]: ['lock add m32, r32', 'lock add m64, r64'],
  [BPF_OR]: ['lock or m32, r32', 'lock or m64, r64'],
  [BPF_AND]: ['lock and m32, r32', 'lock and m64, r64'],
  [BPF_XOR]: ['lock xor m32, r32', 'lock xor m64, r64'],
  [BPF_ADD | BPF_FETCH]: ['lock xadd m32, r32', 'lock xadd m64, r64'],
  [BPF_XCHG]: ['lock xchg m32, r32', 'lock xchg m64, r64'],
  [BPF_CMPXCHG]: ['lock cmpxchg m32, r32', 'lock cmpxchg m64, r64'],
};

/** Those that x86 has no instruction for, with a compare-and-exchange loop instead. */
const LOOPS: Readonly<Record<number, AluMnemonic>> = {
  [BPF_OR | BPF_FETCH]: 'or',
  [BPF_AND | BPF_FETCH]: 'and',
  [BPF_XOR | BPF_FETCH]: 'xor',
};

/** rax is lent to the loop: its value waits in ax's register, which stands in wherever the operands name r0. */
function emitLoop(context: EmitContext, insn: Insn, op: AluMnemonic): void {
  const { out } = context;
  const is64 = accessBytes(insn) === 8;
  const [saved, updated] = [X86_64.bpf[11]!, X86_64.scratch];
  const src = insn.src === BPF_REG_0 ? saved : machineRegister(context, insn.src);
  const dst = insn.dst === BPF_REG_0 ? saved : machineRegister(context, insn.dst);
  const mem = memOperand(dst, insn.off);
  const again = out.label();
  emitMovReg(out, true, saved, Gpr.rax);
  out.bind(again);
  emitLdx(out, accessBytes(insn), Gpr.rax, mem);
  emitMovReg(out, is64, updated, Gpr.rax);
  emitAluReg(out, op, is64, updated, src);
  if (is64) out.put('lock cmpxchg m64, r64', mem, r64(updated));
  else out.put('lock cmpxchg m32, r32', mem, r32(updated));
  out.put('jne rel8', rel8(again));
  emitMovReg(out, is64, src, Gpr.rax);
  emitMovReg(out, true, Gpr.rax, saved);
}

/** The one machine instruction of an atomic; in an arena, `index` is its base. */
function emitSingle(context: EmitContext, insn: Insn, index: number | null): void {
  const { out } = context;
  const bytes = accessBytes(insn);
  const dst = machineRegister(context, insn.dst);
  const src = machineRegister(context, insn.src);
  if (insn.imm === BPF_LOAD_ACQ) {
    (index === null ? emitLdx : emitLdxIndex)(out, bytes, dst, memOperand(src, insn.off, index));
    return;
  }
  const mem = memOperand(dst, insn.off, index);
  if (insn.imm === BPF_STORE_REL) emitStx(out, bytes, mem, src);
  else if (bytes === 8) out.put(SINGLE[insn.imm]![1], mem, r64(src));
  else out.put(SINGLE[insn.imm]![0], mem, r32(src));
}

/** One atomic instruction, in ordinary memory or an arena. */
export function emitAtomic(context: EmitContext, insn: Insn): void {
  const loop = LOOPS[insn.imm];
  if (loop !== undefined) return emitLoop(context, insn, loop);
  if (insnMode(insn) !== BPF_PROBE_ATOMIC) return emitSingle(context, insn, null);
  const zero = insn.imm === BPF_LOAD_ACQ ? machineRegister(context, insn.dst) : null;
  context.out.mayFault(zero, () => emitSingle(context, insn, X86_64.arenaBase));
}
