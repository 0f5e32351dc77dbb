import {
  aluOp,
  BPF_ALU,
  BPF_ALU64,
  BPF_CALL,
  BPF_EXIT,
  BPF_JMP,
  BPF_LD,
  BPF_LDX,
  BPF_MOV,
  BPF_X,
  type Insn,
  insnClass,
  isJmp,
  isLdImm64,
  jumpDistance,
  pcsOf,
} from '../../jit';

/** Registers with the number that each surely has; undefined where that is not known. */
type State = readonly (bigint | undefined)[];

const REGISTERS = 11;
const UNKNOWN: State = new Array(REGISTERS).fill(undefined);
const JA = 0x00;

/** Jumps that a known number decides, by operation. */
const TAKEN: Readonly<Record<number, (a: bigint, b: bigint) => boolean>> = {
  16: (a, b) => a === b,
  32: (a, b) => a > b,
  48: (a, b) => a >= b,
  64: (a, b) => (a & b) !== 0n,
  80: (a, b) => a !== b,
  160: (a, b) => a < b,
  176: (a, b) => a <= b,
};

const setRegister = (state: State, register: number, value: bigint | undefined): State =>
  state.map((each, i) => (i === register ? value : each));

function after(insn: Insn, state: State): State {
  const kind = insnClass(insn);
  if (isLdImm64(insn)) return setRegister(state, insn.dst, insn.src === 0 ? insn.imm64 : undefined);
  // Loads of packets are calls.
  if (insn.code === (BPF_JMP | BPF_CALL) || kind === BPF_LD) return state.map((each, i) => (i <= 5 ? undefined : each));
  if (kind === BPF_LDX) return setRegister(state, insn.dst, undefined);
  if (kind !== BPF_ALU && kind !== BPF_ALU64) {
    // Stores write no register, but for atomic ones that fetch.
    return isJmp(insn) ? state : setRegister(setRegister(state, insn.src, undefined), 0, undefined);
  }
  if (aluOp(insn) !== BPF_MOV || insn.off !== 0) return setRegister(state, insn.dst, undefined);
  const value = (insn.code & BPF_X) !== 0 ? state[insn.src] : BigInt.asUintN(64, BigInt(insn.imm));
  return setRegister(
    state,
    insn.dst,
    value === undefined ? undefined : BigInt.asUintN(kind === BPF_ALU ? 32 : 64, value),
  );
}

/** Whether a conditional jump is taken, where both sides are known. */
function isTaken(insn: Insn, state: State): boolean | undefined {
  const width = insnClass(insn) === BPF_JMP ? 64 : 32;
  const right = (insn.code & BPF_X) !== 0 ? state[insn.src] : BigInt(insn.imm);
  const left = state[insn.dst];
  if (left === undefined || right === undefined) return undefined;
  return TAKEN[aluOp(insn)]?.(BigInt.asUintN(width, left), BigInt.asUintN(width, right));
}

/** Both of two states, as far as they agree; the first one itself where the second adds nothing new. */
const merge = (known: State, other: State): State =>
  known.some((each, i) => each !== undefined && each !== other[i])
    ? known.map((each, i) => (each === other[i] ? each : undefined))
    : known;

/** Indices of the instructions that a function may come to: what only a constant decides is decided. */
export function reachable(insns: readonly Insn[]): ReadonlySet<number> {
  const pcs = pcsOf(insns);
  const indexOf = new Map(pcs.slice(0, -1).map((pc, i) => [pc, i]));
  const states = new Map<number, State>([[0, UNKNOWN]]);
  const work = [0];
  for (let at = work.pop(); at !== undefined; at = work.pop()) {
    const insn = insns[at]!;
    const state = states.get(at)!;
    const next = after(insn, state);
    const distance = jumpDistance(insn);
    const always = distance !== undefined && aluOp(insn) === JA;
    const taken = distance === undefined ? false : always ? true : isTaken(insn, state);
    const targets: (number | undefined)[] = [];
    if (taken !== true && insn.code !== (BPF_JMP | BPF_EXIT)) targets.push(at + 1);
    if (taken !== false) targets.push(indexOf.get(pcs[at]! + 1 + distance!));
    for (const target of targets) {
      if (target === undefined || target >= insns.length) continue;
      const known = states.get(target);
      const merged = known ? merge(known, next) : next;
      if (merged === known) continue;
      states.set(target, merged);
      work.push(target);
    }
  }
  return new Set(states.keys());
}
