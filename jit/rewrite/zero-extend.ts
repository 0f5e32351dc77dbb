import {
  aluOp,
  BPF_ALU,
  BPF_ALU64,
  BPF_ATOMIC,
  BPF_CALL,
  BPF_CMPXCHG,
  BPF_DW,
  BPF_EXIT,
  BPF_FETCH,
  BPF_JA,
  BPF_JMP,
  BPF_JMP32,
  BPF_LD,
  BPF_LDX,
  BPF_MOV,
  BPF_ST,
  BPF_STX,
  BPF_X,
  type Insn,
  insnClass,
  insnMode,
  insnSize,
  isJmp,
} from '../bpf';

/** What an instruction does to r0: reads all of it, overwrites it, or neither. */
type Use = 'reads' | 'overwrites' | 'neither';

const named = (insn: Insn): Use => (insn.dst === 0 || insn.src === 0 ? 'reads' : 'neither');

function useOfAlu(insn: Insn): Use {
  const fromRegister = (insn.code & BPF_X) !== 0;
  const isMov = aluOp(insn) === BPF_MOV;
  const wide = insnClass(insn) === BPF_ALU64;
  if (wide && ((fromRegister && insn.src === 0) || (insn.dst === 0 && !isMov))) return 'reads';
  return insn.dst === 0 ? 'overwrites' : 'neither';
}

function useOfStx(insn: Insn): Use {
  const wide = insnSize(insn) === BPF_DW;
  const atomic = insnMode(insn) === BPF_ATOMIC;
  const exchanges = atomic && insn.imm === BPF_CMPXCHG;
  if (insn.dst === 0 || (wide && (insn.src === 0 || exchanges))) return 'reads';
  return exchanges || (atomic && insn.src === 0 && (insn.imm & BPF_FETCH) !== 0) ? 'overwrites' : 'neither';
}

function useOfJmp(insn: Insn): Use {
  if (aluOp(insn) === BPF_EXIT) return 'reads';
  if (aluOp(insn) === BPF_CALL) return 'overwrites';
  if (aluOp(insn) === BPF_JA) return 'neither';
  return insn.dst === 0 || ((insn.code & BPF_X) !== 0 && insn.src === 0) ? 'reads' : 'neither';
}

/** By class; a 32-bit jump reads only the lower half. */
const USES: Readonly<Record<number, (insn: Insn) => Use>> = {
  [BPF_LD]: ({ dst }) => (dst === 0 ? 'overwrites' : 'neither'),
  [BPF_LDX]: ({ dst, src }) => (src === 0 ? 'reads' : dst === 0 ? 'overwrites' : 'neither'),
  [BPF_ST]: (insn) => named({ ...insn, src: insn.dst }),
  [BPF_STX]: useOfStx,
  [BPF_ALU]: useOfAlu,
  [BPF_ALU64]: useOfAlu,
  [BPF_JMP]: useOfJmp,
  [BPF_JMP32]: () => 'neither',
};

/** Where execution can go on, as slots. */
function successors(insn: Insn, pc: number, next: number): number[] {
  if (!isJmp(insn) || aluOp(insn) === BPF_CALL) return [next];
  if (aluOp(insn) === BPF_EXIT && insnClass(insn) === BPF_JMP) return [];
  if (aluOp(insn) === BPF_JA) return [pc + 1 + (insnClass(insn) === BPF_JMP32 ? insn.imm : insn.off)];
  return [next, pc + 1 + insn.off];
}

/**
 * Whether the upper half of r0 matters behind the instruction at index `at`: some path reads all of r0 before
 * anything overwrites it (the verifier's zext_dst).
 */
export function upperHalfMatters(insns: readonly Insn[], pcs: readonly number[], at: number): boolean {
  const indexOf = new Map(pcs.map((pc, i) => [pc, i]));
  const seen = new Set<number>();
  const open = [at + 1];
  for (let i = open.pop(); i !== undefined; i = open.pop()) {
    const insn = insns[i];
    if (!insn || seen.has(i)) continue;
    seen.add(i);
    const use = USES[insnClass(insn)]!(insn);
    if (use === 'reads') return true;
    if (use === 'neither') open.push(...successors(insn, pcs[i]!, pcs[i + 1]!).map((pc) => indexOf.get(pc)!));
  }
  return false;
}
