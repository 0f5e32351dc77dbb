import {
  aluOp,
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
  type Insn,
  insnClass,
} from '../bpf';
import {
  type AluMnemonic,
  emitAluImm,
  emitAluReg,
  emitBswap,
  emitDivision,
  emitMovImm32,
  emitMovReg,
  emitMulImm,
  emitMulReg,
  emitNeg,
  emitShiftImm,
  emitShiftReg,
  emitTruncate,
  type ShiftMnemonic,
} from '../idioms';
import { gs, imm8, imm32, r8, r16, r32, r64, X86_64 } from '../x86';
import { type EmitContext, machineRegister } from './context';

const PLAIN: Readonly<Record<number, AluMnemonic>> = {
  [BPF_ADD]: 'add',
  [BPF_SUB]: 'sub',
  [BPF_OR]: 'or',
  [BPF_AND]: 'and',
  [BPF_XOR]: 'xor',
};

const SHIFTS: Readonly<Record<number, ShiftMnemonic>> = { [BPF_LSH]: 'shl', [BPF_RSH]: 'shr', [BPF_ARSH]: 'sar' };

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

function emitMov(context: EmitContext, insn: Insn, is64: boolean, dst: number, src: number | null): void {
  const { out, config } = context;
  if (src === null) emitMovImm32(out, dst, is64, insn.imm);
  else if (is64 && insn.off === BPF_ADDR_SPACE_CAST && insn.imm === CAST_TO_USER) emitCastUser(context, dst, src);
  else if (is64 && insn.off === BPF_ADDR_SPACE_CAST) emitMovReg(out, false, dst, src);
  else if (is64 && insn.off === BPF_ADDR_PERCPU) {
    emitMovReg(out, true, dst, src);
    if (!config.smp) return;
    const address = config.symbols.thisCpuOff;
    const symbol = { kind: 'percpu', name: 'this_cpu_off', address } as const;
    out.put('add r64, gs', r64(dst), gs(Number(BigInt.asIntN(32, address)), symbol));
  } else if (insn.off !== 0) emitMovsx(context, is64, insn.off, dst, src);
  else emitMovReg(out, is64, dst, src);
}

/** One instruction of class ALU or ALU64. */
export function emitAlu(context: EmitContext, insn: Insn): void {
  const { out, config } = context;
  const is64 = insnClass(insn) === BPF_ALU64;
  const op = aluOp(insn);
  const dst = machineRegister(context, insn.dst);
  const src = (insn.code & BPF_X) !== 0 && op !== BPF_END ? machineRegister(context, insn.src) : null;
  const plain = PLAIN[op];
  const shift = SHIFTS[op];
  if (plain !== undefined) {
    if (src === null) emitAluImm(out, plain, is64, dst, insn.imm);
    else emitAluReg(out, plain, is64, dst, src);
  } else if (shift !== undefined) {
    const how = { dst, src: src ?? 0, bmi2: config.bmi2, scratch: X86_64.scratch };
    if (src === null) emitShiftImm(out, shift, is64, dst, insn.imm);
    else emitShiftReg(out, shift, is64, how);
  } else if (op === BPF_MOV) emitMov(context, insn, is64, dst, src);
  else if (op === BPF_NEG) emitNeg(out, is64, dst);
  else if (op === BPF_MUL) {
    if (src === null) emitMulImm(out, is64, dst, insn.imm);
    else emitMulReg(out, is64, dst, src);
  } else if (op === BPF_DIV || op === BPF_MOD) {
    const result = op === BPF_DIV ? 'quotient' : 'remainder';
    const divisor = src === null ? { imm: insn.imm } : { reg: src };
    emitDivision(out, { is64, signed: insn.off === 1, result, dst, divisor, scratch: X86_64.scratch });
  } else if (is64 || (insn.code & BPF_TO_BE) !== 0) emitBswap(out, insn.imm as 16 | 32 | 64, dst);
  else emitTruncate(out, insn.imm as 16 | 32 | 64, dst);
}
