import { aluOp, BPF_ALU64, BPF_DIV, BPF_MOD, BPF_REG_0, BPF_X, bpf, type Insn, insnClass, isAlu } from '../bpf';
import type { Patch } from './patch';

type Register = bpf.Register;

const name = (register: number): Register => (register === 11 ? 'ax' : `r${register}`) as Register;

/** The constructors of one width. */
const WIDE = { add: bpf.add64, jne: bpf.jne64, jeq: bpf.jeq64, jgt: bpf.jgt64, mov: bpf.mov64, neg: bpf.neg64 };
const NARROW = { add: bpf.add32, jne: bpf.jne32, jeq: bpf.jeq32, jgt: bpf.jgt32, mov: bpf.mov32, neg: bpf.neg32 };

/** Division by -1 negates, its remainder is 0: `idiv` would trap on the smallest number. */
function byMinusOne(insn: Insn, is64: boolean): Patch {
  const dst = name(insn.dst);
  return [aluOp(insn) === BPF_DIV ? (is64 ? WIDE : NARROW).neg(dst) : bpf.mov32(dst, 0)];
}

/** x / 0 = 0, x % 0 = x, cut to 32 bits where the operation is of 32. */
function unsigned(insn: Insn, is64: boolean): Patch {
  const { jne, jeq } = is64 ? WIDE : NARROW;
  const [dst, src] = [name(insn.dst), name(insn.src)];
  if (aluOp(insn) === BPF_DIV) return [jne(src, 0, +2), bpf.xor32(dst, dst), bpf.goto(+1), insn];
  const checked = [jeq(src, 0, is64 ? +1 : +2), insn];
  return is64 ? checked : [...checked, bpf.goto(+1), bpf.mov32(dst, dst)];
}

/** The same, and the divisor -1 besides: both are told by the divisor plus one, in the verifier's scratch register. */
function signed(insn: Insn, is64: boolean): Patch {
  const { add, jgt, jeq, mov, neg } = is64 ? WIDE : NARROW;
  const [dst, src] = [name(insn.dst), name(insn.src)];
  const test = [bpf.mov64('ax', src), add('ax', 1)];
  if (aluOp(insn) === BPF_DIV) {
    return [...test, jgt('ax', 1, +4), jeq('ax', 0, +1), mov(dst, 0), neg(dst), bpf.goto(+1), insn];
  }
  const checked = [...test, jgt('ax', 1, +3), jeq('ax', 1, is64 ? +3 : +4), bpf.mov32(dst, 0), bpf.goto(+1), insn];
  return is64 ? checked : [...checked, bpf.goto(+1), bpf.mov32(dst, dst)];
}

/** The checks around a division that make it total (RFC 9669 section 4.1; bpf_do_misc_fixups()). */
export function divisionPatch(insn: Insn): Patch {
  const op = aluOp(insn);
  if (!isAlu(insn) || (op !== BPF_DIV && op !== BPF_MOD)) return null;
  const is64 = insnClass(insn) === BPF_ALU64;
  const isSigned = insn.off === 1;
  if ((insn.code & BPF_X) === 0) return isSigned && insn.imm === -1 ? byMinusOne(insn, is64) : null;
  return isSigned ? signed(insn, is64) : unsigned(insn, is64);
}

/** `w0 = w0` behind a 32-bit compare and exchange, which leaves the upper half of rax alone when it succeeds. */
export const zeroExtendR0: Insn = { ...bpf.mov32('r0', 'r0'), dst: BPF_REG_0, imm: 1 };
