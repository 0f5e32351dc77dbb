import {
  aluOp,
  BPF_ALU,
  BPF_ALU64,
  BPF_ATOMIC,
  BPF_CALL,
  BPF_CMPXCHG,
  BPF_DW,
  BPF_END,
  BPF_EXIT,
  BPF_FETCH,
  BPF_JA,
  BPF_JMP,
  BPF_JMP32,
  BPF_LD,
  BPF_LDX,
  BPF_LOAD_ACQ,
  BPF_MOV,
  BPF_PSEUDO_CALL,
  BPF_PSEUDO_FUNC,
  BPF_ST,
  BPF_STX,
  BPF_X,
  type Insn,
  insnClass,
  insnMode,
  insnSize,
  isJmp,
  isLdImm64,
  type Program,
  pcsOf,
} from '../bpf';

/** What an instruction does to r0: reads all of it, overwrites it, or neither. */
type Use = 'reads' | 'overwrites' | 'neither';

const named = (insn: Insn): Use => (insn.dst === 0 || insn.src === 0 ? 'reads' : 'neither');

/** A byte swap of 16 or 32 bits cuts off the upper half, one of 64 moves it. */
const useOfEnd = (insn: Insn): Use => (insn.dst !== 0 ? 'neither' : insn.imm === 64 ? 'reads' : 'overwrites');

function useOfAlu(insn: Insn): Use {
  if (aluOp(insn) === BPF_END) return useOfEnd(insn);
  const fromRegister = (insn.code & BPF_X) !== 0;
  const isMov = aluOp(insn) === BPF_MOV;
  const wide = insnClass(insn) === BPF_ALU64;
  if (wide && ((fromRegister && insn.src === 0) || (insn.dst === 0 && !isMov))) return 'reads';
  return insn.dst === 0 ? 'overwrites' : 'neither';
}

function useOfStx(insn: Insn): Use {
  if (insnMode(insn) === BPF_ATOMIC && insn.imm === BPF_LOAD_ACQ) return useOfLoad(insn);
  const wide = insnSize(insn) === BPF_DW;
  const atomic = insnMode(insn) === BPF_ATOMIC;
  const exchanges = atomic && insn.imm === BPF_CMPXCHG;
  if (insn.dst === 0 || (wide && (insn.src === 0 || exchanges))) return 'reads';
  return exchanges || (atomic && insn.src === 0 && (insn.imm & BPF_FETCH) !== 0) ? 'overwrites' : 'neither';
}

const useOfLoad = ({ dst, src }: Insn): Use => (src === 0 ? 'reads' : dst === 0 ? 'overwrites' : 'neither');

function useOfJmp(insn: Insn): Use {
  if (aluOp(insn) === BPF_EXIT) return 'neither';
  if (aluOp(insn) === BPF_CALL) return 'overwrites';
  if (aluOp(insn) === BPF_JA) return 'neither';
  return insn.dst === 0 || ((insn.code & BPF_X) !== 0 && insn.src === 0) ? 'reads' : 'neither';
}

/** By class; a 32-bit jump reads only the lower half. */
const USES: Readonly<Record<number, (insn: Insn) => Use>> = {
  [BPF_LD]: ({ dst }) => (dst === 0 ? 'overwrites' : 'neither'),
  [BPF_LDX]: useOfLoad,
  [BPF_ST]: (insn) => named({ ...insn, src: insn.dst }),
  [BPF_STX]: useOfStx,
  [BPF_ALU]: useOfAlu,
  [BPF_ALU64]: useOfAlu,
  [BPF_JMP]: useOfJmp,
  [BPF_JMP32]: () => 'neither',
};

const isExit = (insn: Insn): boolean => insnClass(insn) === BPF_JMP && aluOp(insn) === BPF_EXIT;

/** Where execution can go on in the same subprog, as slots. */
function successors(insn: Insn, pc: number, next: number): number[] {
  if (!isJmp(insn) || aluOp(insn) === BPF_CALL) return [next];
  if (isExit(insn)) return [];
  if (aluOp(insn) === BPF_JA) return [pc + 1 + (insnClass(insn) === BPF_JMP32 ? insn.imm : insn.off)];
  return [next, pc + 1 + insn.off];
}

/** An instruction of a program: subprog, and index in it. */
type At = readonly [subprog: number, index: number];

/** A subprog, and who gets its result. */
interface CalledCode {
  readonly insns: readonly Insn[];
  readonly pcs: readonly number[];
  /** By slot. */
  readonly indexOf: readonly number[];
  /** Where it is called from; null when C code gets its result: all of r0 is read then. */
  readonly callers: readonly At[] | null;
}

/** The functions of a program, with who calls them. */
function functionsOf({ subprogs }: Program): CalledCode[] {
  const callers = subprogs.map((): At[] => []);
  const toC = new Set(subprogs.flatMap(({ isGlobal }, i) => (i === 0 || isGlobal ? [i] : [])));
  subprogs.forEach(({ insns }, subprog) => {
    insns.forEach((insn, index) => {
      if (isLdImm64(insn) && insn.src === BPF_PSEUDO_FUNC) toC.add(Number(insn.imm64! & 0xffffffffn));
      if (insn.code === (BPF_JMP | BPF_CALL) && insn.src === BPF_PSEUDO_CALL) callers[insn.imm]?.push([subprog, index]);
    });
  });
  return subprogs.map(({ insns }, i) => {
    const pcs = pcsOf(insns);
    // Whoever is never called is an exception callback, or another entry that only C code knows.
    const fromC = toC.has(i) || callers[i]!.length === 0;
    const indexOf: number[] = [];
    for (let at = 0; at < pcs.length; at++) {
      // The second slot of an instruction is nobody's; arrays without holes are quicker.
      while (indexOf.length < pcs[at]!) indexOf.push(-1);
      indexOf.push(at);
    }
    return { insns, pcs, indexOf, callers: fromC ? null : callers[i]! };
  });
}

/**
 * For each instruction of a program whether the upper half of r0 matters behind it: some path reads all of r0 before
 * anything overwrites it (the verifier's zext_dst). The result of a static subprog is whatever its callers make of it.
 */
export function upperHalves(program: Program): (subprog: number, index: number) => boolean {
  let functions: CalledCode[] | undefined;
  return (subprog, index) => {
    functions ??= functionsOf(program);
    return matters(functions, [subprog, index + 1]);
  };
}

function matters(functions: readonly CalledCode[], start: At): boolean {
  const seen = new Set<number>();
  const open: At[] = [start];
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    const [subprog, index] = at;
    const { insns, pcs, indexOf, callers } = functions[subprog]!;
    const insn = insns[index];
    const key = subprog * 2 ** 32 + index;
    if (!insn || seen.has(key)) continue;
    seen.add(key);
    const use = USES[insnClass(insn)]!(insn);
    if (use === 'reads' || (isExit(insn) && callers === null)) return true;
    if (use === 'overwrites') continue;
    if (isExit(insn)) open.push(...callers!.map(([caller, call]): At => [caller, call + 1]));
    else open.push(...successors(insn, pcs[index]!, pcs[index + 1]!).map((pc): At => [subprog, indexOf[pc]!]));
  }
  return false;
}
