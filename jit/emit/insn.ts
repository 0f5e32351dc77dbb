import {
  aluOp,
  BPF_ATOMIC,
  BPF_CALL,
  BPF_EXIT,
  BPF_JA,
  BPF_JCOND,
  BPF_JMP,
  BPF_LDX,
  BPF_NOSPEC,
  BPF_PROBE_ATOMIC,
  BPF_ST,
  BPF_STX,
  type Insn,
  insnClass,
  insnMode,
  isAlu,
  isJmp,
  isLdImm64,
  printInsn,
} from '../bpf';
import { emitMovImm64 } from '../idioms';
import { emitAlu } from './alu';
import { emitAtomic } from './atomic';
import { emitCall } from './call';
import { type EmitContext, JitError, machineRegister } from './context';
import { emitExit } from './epilogue';
import { emitConditionalJump, emitJa } from './jump';
import { emitMemory } from './memory';
import { emitTailCall } from './tail-call';

/** Helper id of bpf_tail_call. */
const TAIL_CALL = 12;

function emitLdImm64(context: EmitContext, insn: Insn): void {
  const { value, symbol } = context.resolver.address(insn);
  emitMovImm64(context.out, machineRegister(context, insn.dst), value, symbol);
}

function emitJmp(context: EmitContext, insn: Insn, pc: number): void {
  const op = aluOp(insn);
  if (op === BPF_JA) emitJa(context, insn, pc);
  else if (op === BPF_JCOND) refuse(context, insn, pc, 'the verifier replaces it before the JIT');
  else if (insnClass(insn) !== BPF_JMP || (op !== BPF_CALL && op !== BPF_EXIT)) emitConditionalJump(context, insn, pc);
  else if (op === BPF_EXIT) emitExit(context, pc);
  else if (insn.src === 0 && insn.imm === TAIL_CALL) emitTailCall(context);
  else emitCall(context, insn);
}

function refuse(context: EmitContext, insn: Insn, pc: number, why: string): never {
  throw new JitError(`\`${printInsn(insn)}\` cannot be compiled: ${why}`, context.out.subprog, pc);
}

/** Emits one BPF instruction. @throws JitError for one that the kernel's JIT does not know */
export function emitInsn(context: EmitContext, insn: Insn, pc: number): void {
  const { out } = context;
  out.at(pc, 'body');
  if (isAlu(insn)) return emitAlu(context, insn);
  if (isJmp(insn)) return emitJmp(context, insn, pc);
  if (isLdImm64(insn)) return emitLdImm64(context, insn);
  const kind = insnClass(insn);
  if (kind !== BPF_LDX && kind !== BPF_ST && kind !== BPF_STX) {
    refuse(context, insn, pc, 'packet access is rewritten by the verifier before the JIT');
  }
  const mode = insnMode(insn);
  if (kind === BPF_ST && mode === BPF_NOSPEC) out.put('lfence');
  else if (kind === BPF_STX && (mode === BPF_ATOMIC || mode === BPF_PROBE_ATOMIC)) emitAtomic(context, insn);
  else emitMemory(context, insn);
}
