import { aluOp, type Insn, insnClass, insnMode, isAlu, isJmp, isLdImm64 } from '../bpf/insn';
import {
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
} from '../bpf/opcodes';
import { printInsn } from '../bpf/print';
import { emitMovImm64 } from '../idioms/moves';
import { aluEmitter } from './alu';
import { emitAtomic } from './atomic';
import { emitCall } from './call';
import { type EmitContext, type Emitter, JitError, machineRegister } from './context';
import { emitExit } from './epilogue';
import { conditionalEmitter, emitJa } from './jump';
import { memoryEmitter } from './memory';
import { emitTailCall } from './tail-call';

/** Helper id of bpf_tail_call. */
const TAIL_CALL = 12;

const emitLdImm64: Emitter = (context, insn) => {
  const { value, symbol } = context.resolver.address(insn);
  emitMovImm64(context.out, machineRegister(context, insn.dst), value, symbol);
};

const emitAnyCall: Emitter = (context, insn) => {
  if (insn.src === 0 && insn.imm === TAIL_CALL) emitTailCall(context);
  else emitCall(context, insn);
};

const refuse =
  (why: string): Emitter =>
  (context, insn, pc) => {
    throw new JitError(`\`${printInsn(insn)}\` cannot be compiled: ${why}`, context.out.subprog, pc);
  };

function jumpEmitter(insn: Insn): Emitter {
  const op = aluOp(insn);
  if (op === BPF_JA) return emitJa;
  if (op === BPF_JCOND) return refuse('the verifier replaces it before the JIT');
  if (insnClass(insn) === BPF_JMP && op === BPF_CALL) return emitAnyCall;
  if (insnClass(insn) === BPF_JMP && op === BPF_EXIT) return (context, _insn, pc) => emitExit(context, pc);
  return conditionalEmitter(insn);
}

function emitterOf(insn: Insn): Emitter {
  if (isAlu(insn)) return aluEmitter(insn);
  if (isJmp(insn)) return jumpEmitter(insn);
  if (isLdImm64(insn)) return emitLdImm64;
  const kind = insnClass(insn);
  if (kind !== BPF_LDX && kind !== BPF_ST && kind !== BPF_STX) {
    return refuse('packet access is rewritten by the verifier before the JIT');
  }
  const mode = insnMode(insn);
  if (kind === BPF_ST && mode === BPF_NOSPEC) return ({ out }) => out.put('lfence');
  if (kind === BPF_STX && (mode === BPF_ATOMIC || mode === BPF_PROBE_ATOMIC)) return emitAtomic;
  return memoryEmitter(insn);
}

/** The emitter of each opcode: what depends on the opcode alone is decided once. */
const EMITTERS: readonly Emitter[] = Array.from({ length: 256 }, (_, code) =>
  emitterOf({ code, dst: 0, src: 0, off: 0, imm: 0 }),
);

/** Emits one BPF instruction. @throws JitError for one that the kernel's JIT does not know */
export function emitInsn(context: EmitContext, insn: Insn, pc: number): void {
  context.out.at(pc, 'body');
  EMITTERS[insn.code]!(context, insn, pc);
}
