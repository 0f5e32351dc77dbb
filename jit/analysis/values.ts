import {
  BPF_ABS,
  BPF_ADD,
  BPF_ALU,
  BPF_ALU64,
  BPF_ATOMIC,
  BPF_CMPXCHG,
  BPF_FETCH,
  BPF_IND,
  BPF_LD,
  BPF_LDX,
  BPF_LOAD_ACQ,
  BPF_MOV,
  BPF_PSEUDO_FUNC,
  BPF_PSEUDO_MAP_FD,
  BPF_REG_FP,
  BPF_STX,
  BPF_SUB,
  BPF_X,
  type Insn,
} from '../bpf';
import { isCall } from './calls';

/**
 * What the analysis knows of the registers r0..r9: how far below the frame pointer they may point, and the few constants that
 * decide what a call does. It is not the verifier's knowledge: no bounds, no stack slots, no branch is ever ruled out.
 */

/** Registers that are followed; r10 never changes. */
export const TRACKED = 10;

export const UNKNOWN = 0;
/** Maybe the frame pointer plus a number: the lowest that is known. */
export const FRAME = 1;
export const NUMBER = 2;
/** The address of a callback: index of the subprog. */
export const FUNC = 3;
/** The address of a map: index of the map. */
export const MAP = 4;

/** One row of {@link TRACKED} kinds and as many values; rows of many blocks lie in one array. */
export type Row = Int32Array;
export const ROW = 2 * TRACKED;

/** What a register holds: its kind, UNKNOWN for the verifier's scratch register. */
export function kindOf(row: Row, register: number): number {
  if (register === BPF_REG_FP) return FRAME;
  return register < TRACKED ? row[register]! : UNKNOWN;
}

/** The number that goes with a kind. */
export const constantOf = (row: Row, register: number): number => (register < TRACKED ? row[TRACKED + register]! : 0);

/** What does not fit into 32 bits is not worth knowing. */
function set(row: Row, register: number, kind: number, constant: number): void {
  if (register >= TRACKED) return;
  const known = kind !== UNKNOWN && constant === (constant | 0);
  row[register] = known ? kind : UNKNOWN;
  row[TRACKED + register] = known ? constant : 0;
}

const forget = (row: Row, register: number): void => set(row, register, UNKNOWN, 0);

/** What has become of a block's row where another path meets it. */
export type Met = 'same' | 'changed' | 'lowered';

/**
 * Where two paths meet, what both know remains. A register that is a frame pointer on one of them stays one, and the lower of
 * two counts, since the verifier follows each path by itself. Round a loop a pointer is not lowered: how often is not known.
 *
 * @param at where the block's row begins in `states`.
 * @param row what the registers hold on the path that comes in.
 */
export function meet(states: Int32Array, at: number, row: Row, mayLower: boolean): Met {
  let met: Met = 'same';
  for (let r = at; r < at + TRACKED; r++) {
    const kind = states[r]!;
    const constant = states[r + TRACKED]!;
    const otherKind = row[r - at]!;
    const other = row[r - at + TRACKED]!;
    if (kind === otherKind && constant === other) continue;
    if (kind === FRAME) {
      if (otherKind !== FRAME || other > constant || !mayLower) continue;
      states[r + TRACKED] = other;
      met = 'lowered';
    } else if (kind !== UNKNOWN || otherKind === FRAME) {
      states[r] = otherKind === FRAME ? FRAME : UNKNOWN;
      states[r + TRACKED] = otherKind === FRAME ? other : 0;
      if (met === 'same') met = 'changed';
    }
  }
  return met;
}

/** What the registers hold after an instruction. */
export function step(row: Row, insn: Insn): void {
  const kind = insn.code & 0x07;
  if (kind === BPF_ALU64 || kind === BPF_ALU) stepAlu(row, insn);
  else if (kind === BPF_LD) stepLd(row, insn);
  else if (kind === BPF_LDX) forget(row, insn.dst);
  else if (kind === BPF_STX) stepStx(row, insn);
  else if (isCall(insn)) forgetCallerSaved(row);
}

function forgetCallerSaved(row: Row): void {
  for (let r = 0; r <= 5; r++) forget(row, r);
}

function stepAlu(row: Row, insn: Insn): void {
  const { dst, src, imm } = insn;
  const register = (insn.code & BPF_X) !== 0;
  const kind = register ? kindOf(row, src) : NUMBER;
  const constant = register ? constantOf(row, src) : imm;
  const op = insn.code & 0xf0;
  const wide = (insn.code & 0x07) === BPF_ALU64;
  // A move with an offset extends a sign or casts between address spaces; a 32-bit one keeps what has no upper half.
  const copies = op === BPF_MOV && insn.off === 0 && (wide || (kind === NUMBER && constant >= 0));
  if (copies) set(row, dst, kind, constant);
  else if (wide && op === BPF_ADD) add(row, dst, kind, constant);
  else if (wide && op === BPF_SUB && kind === NUMBER) add(row, dst, NUMBER, -constant);
  else forget(row, dst);
}

/**
 * Numbers can be added to frame pointers and to numbers. What is not known and is added to a frame pointer is an index into an
 * array: taken as 0, the lowest that it usually can be.
 */
function add(row: Row, dst: number, kind: number, constant: number): void {
  const to = kindOf(row, dst);
  const sum = constantOf(row, dst) + constant;
  if (kind === NUMBER && (to === NUMBER || to === FRAME)) set(row, dst, to, sum);
  else if ((kind === FRAME) !== (to === FRAME)) set(row, dst, FRAME, sum);
  else forget(row, dst);
}

/** By `src` of ld_imm64. */
const LD_KINDS: Readonly<Record<number, number>> = { 0: NUMBER, [BPF_PSEUDO_MAP_FD]: MAP, [BPF_PSEUDO_FUNC]: FUNC };

function stepLd(row: Row, insn: Insn): void {
  const mode = insn.code & 0xe0;
  // Loads from packets are calls in disguise.
  if (mode === BPF_ABS || mode === BPF_IND) forgetCallerSaved(row);
  else set(row, insn.dst, LD_KINDS[insn.src] ?? UNKNOWN, Number(BigInt.asIntN(64, insn.imm64 ?? 0n)));
}

function stepStx(row: Row, insn: Insn): void {
  if ((insn.code & 0xe0) !== BPF_ATOMIC) return;
  if (insn.imm === BPF_LOAD_ACQ) forget(row, insn.dst);
  else if (insn.imm === BPF_CMPXCHG) forget(row, 0);
  else if ((insn.imm & BPF_FETCH) !== 0) forget(row, insn.src);
}
