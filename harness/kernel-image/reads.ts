import {
  aluOp,
  BPF_ALU,
  BPF_ALU64,
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
} from '../../jit';

const CALL = 0x85;
const EXIT = 0x95;
const ARGUMENTS = [1, 2, 3, 4, 5];
const WRITES_NONE = [BPF_JMP, BPF_JMP32, BPF_ST, BPF_STX];

/** The registers that an instruction reads; those of calls are what they pass, and are left out. */
function read(insn: Insn): number[] {
  const { code, dst, src } = insn;
  const kind = insnClass(insn);
  if (code === CALL || code === EXIT || kind === BPF_LD) return [];
  if (kind === BPF_LDX) return [src];
  if (kind === BPF_ST) return [dst];
  if (kind === BPF_STX) return [dst, src];
  const source = (code & BPF_X) !== 0 ? [src] : [];
  const moves = (kind === BPF_ALU || kind === BPF_ALU64) && aluOp(insn) === BPF_MOV;
  return moves ? source : [dst, ...source];
}

function written(insn: Insn): readonly number[] {
  if (insn.code === CALL) return ARGUMENTS;
  return WRITES_NONE.some((each) => each === insnClass(insn)) ? [] : [insn.dst];
}

/** Of r1 to r5, those that a function reads before it writes them, in order of its text: what it makes of its arguments. */
export function argumentsRead(insns: readonly Insn[]): Set<number> {
  const gone = new Set<number>();
  const found = new Set<number>();
  for (const insn of insns) {
    for (const reg of read(insn)) if (ARGUMENTS.includes(reg) && !gone.has(reg)) found.add(reg);
    for (const reg of written(insn)) gone.add(reg);
  }
  return found;
}
