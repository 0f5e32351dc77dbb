import { aluOp, type Insn, insnClass } from '../bpf/insn';
import {
  BPF_ADD,
  BPF_ADDR_PERCPU,
  BPF_ADDR_SPACE_CAST,
  BPF_ALU64,
  BPF_AND,
  BPF_ARSH,
  BPF_DIV,
  BPF_END,
  BPF_LSH,
  BPF_MOD,
  BPF_MOV,
  BPF_MUL,
  BPF_NEG,
  BPF_OR,
  BPF_RSH,
  BPF_SUB,
  BPF_TO_BE,
  BPF_X,
  BPF_XOR,
} from '../bpf/opcodes';
import {
  type AluMnemonic,
  emitAluImm,
  emitAluReg,
  emitBswap,
  emitDivision,
  emitMulImm,
  emitMulReg,
  emitNeg,
  emitTruncate,
} from '../idioms/alu';
import { emitMovImm32, emitMovReg } from '../idioms/moves';
import { emitShiftImm, emitShiftReg, type ShiftMnemonic } from '../idioms/shifts';
import { X86_64 } from '../x86/abi';
import { gs, imm8, imm32 } from '../x86/operands';
import { r8, r16, r32, r64 } from '../x86/registers';
import { type EmitContext, type Emitter, machineRegister } from './context';

/** `imm` of a cast to a user address: the destination's address space is 0, the source's 1. */
const CAST_TO_USER = 1 << 16;

/** A kernel arena pointer becomes the user's: upper half of the user's address, but null stays null. */
function emitCastUser({ out, facts }: EmitContext, dst: number, src: number): void {
  const upper = Number(((facts.arena?.userVmStart ?? 0n) >> 32n) & 0xffffffffn);
  const { scratch } = X86_64;
  emitMovReg(out, false, dst, src);
  emitShiftImm(out, 'shl', true, dst, 32);
  out.put('or r64, imm32', r64(dst), imm32(upper));
  out.put('rol r64, imm8', r64(dst), imm8(32));
  out.put('xor r64, r64', r64(scratch), r64(scratch));
  out.put('test r32, r32', r32(dst), r32(dst));
  out.put('cmove r64, r64', r64(dst), r64(scratch));
}

function emitMovsx({ out }: EmitContext, is64: boolean, bits: number, dst: number, src: number): void {
  if (bits === 8) out.put(is64 ? 'movsx r64, r8' : 'movsx r32, r8', is64 ? r64(dst) : r32(dst), r8(src));
  else if (bits === 16) out.put(is64 ? 'movsx r64, r16' : 'movsx r32, r16', is64 ? r64(dst) : r32(dst), r16(src));
  else out.put('movsxd r64, r32', r64(dst), r32(src));
}

type Move = (context: EmitContext, insn: Insn, is64: boolean, dst: number, src: number) => void;

const emitPercpuMove: Move = ({ out, config }, _insn, _is64, dst, src) => {
  emitMovReg(out, true, dst, src);
  if (!config.smp) return;
  const address = config.symbols.thisCpuOff;
  const symbol = { kind: 'percpu', name: 'this_cpu_off', address } as const;
  out.put('add r64, gs', r64(dst), gs(Number(BigInt.asIntN(32, address)), symbol));
};

const emitCast: Move = (context, insn, _is64, dst, src) => {
  if (insn.imm === CAST_TO_USER) emitCastUser(context, dst, src);
  else emitMovReg(context.out, false, dst, src);
};

/** What `off` makes of a 64-bit register move; any other offset is the width of a sign extension. */
const WIDE_MOVES: Readonly<Record<number, Move>> = {
  [BPF_ADDR_SPACE_CAST]: emitCast,
  [BPF_ADDR_PERCPU]: emitPercpuMove,
};

const emitMovRegister: Move = (context, insn, is64, dst, src) => {
  if (insn.off === 0) return emitMovReg(context.out, is64, dst, src);
  const special = is64 ? WIDE_MOVES[insn.off] : undefined;
  if (special) special(context, insn, is64, dst, src);
  else emitMovsx(context, is64, insn.off, dst, src);
};

/** How an operation is emitted, with a register and with an immediate. */
interface Operation {
  register(context: EmitContext, insn: Insn, is64: boolean, dst: number, src: number): void;
  immediate(context: EmitContext, insn: Insn, is64: boolean, dst: number): void;
}

const plain = (mnemonic: AluMnemonic): Operation => ({
  register: ({ out }, _insn, is64, dst, src) => emitAluReg(out, mnemonic, is64, dst, src),
  immediate: ({ out }, insn, is64, dst) => emitAluImm(out, mnemonic, is64, dst, insn.imm),
});

const shift = (mnemonic: ShiftMnemonic): Operation => ({
  register: ({ out, config }, _insn, is64, dst, src) =>
    emitShiftReg(out, mnemonic, is64, { dst, src, bmi2: config.bmi2, scratch: X86_64.scratch }),
  immediate: ({ out }, insn, is64, dst) => emitShiftImm(out, mnemonic, is64, dst, insn.imm),
});

function division(result: 'quotient' | 'remainder'): Operation {
  const emit = (
    { out }: EmitContext,
    insn: Insn,
    is64: boolean,
    dst: number,
    divisor: { reg: number } | { imm: number },
  ) => emitDivision(out, { is64, signed: insn.off === 1, result, dst, divisor, scratch: X86_64.scratch });
  return {
    register: (context, insn, is64, dst, src) => emit(context, insn, is64, dst, { reg: src }),
    immediate: (context, insn, is64, dst) => emit(context, insn, is64, dst, { imm: insn.imm }),
  };
}

/** One operand; which source bit is set does not matter. */
const unary = (emit: Operation['immediate']): Operation => ({ register: emit, immediate: emit });

const byteOrder: Operation['immediate'] = ({ out }, insn, is64, dst) => {
  const bits = insn.imm as 16 | 32 | 64;
  if (is64 || (insn.code & BPF_TO_BE) !== 0) emitBswap(out, bits, dst);
  else emitTruncate(out, bits, dst);
};

const OPERATIONS: Readonly<Record<number, Operation>> = {
  [BPF_ADD]: plain('add'),
  [BPF_SUB]: plain('sub'),
  [BPF_OR]: plain('or'),
  [BPF_AND]: plain('and'),
  [BPF_XOR]: plain('xor'),
  [BPF_LSH]: shift('shl'),
  [BPF_RSH]: shift('shr'),
  [BPF_ARSH]: shift('sar'),
  [BPF_MUL]: {
    register: ({ out }, _insn, is64, dst, src) => emitMulReg(out, is64, dst, src),
    immediate: ({ out }, insn, is64, dst) => emitMulImm(out, is64, dst, insn.imm),
  },
  [BPF_DIV]: division('quotient'),
  [BPF_MOD]: division('remainder'),
  [BPF_MOV]: {
    register: emitMovRegister,
    immediate: ({ out }, insn, is64, dst) => emitMovImm32(out, dst, is64, insn.imm),
  },
  [BPF_NEG]: unary(({ out }, _insn, is64, dst) => emitNeg(out, is64, dst)),
  [BPF_END]: unary(byteOrder),
};

/** The emitter of an opcode of class ALU or ALU64. */
export function aluEmitter(opcode: Insn): Emitter {
  const is64 = insnClass(opcode) === BPF_ALU64;
  const operation = OPERATIONS[aluOp(opcode)];
  if (!operation) return () => undefined;
  const { register, immediate } = operation;
  if ((opcode.code & BPF_X) === 0) {
    return (context, insn) => immediate(context, insn, is64, machineRegister(context, insn.dst));
  }
  return (context, insn) =>
    register(context, insn, is64, machineRegister(context, insn.dst), machineRegister(context, insn.src));
}
