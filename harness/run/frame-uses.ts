import {
  aluOp,
  BPF_ADD,
  BPF_ALU64,
  BPF_ATOMIC,
  BPF_DW,
  BPF_LDX,
  BPF_LOAD_ACQ,
  BPF_MEM,
  BPF_MOV,
  BPF_PROBE_ATOMIC,
  BPF_PROBE_MEM32,
  BPF_PROBE_MEM32SX,
  BPF_REG_FP,
  BPF_ST,
  BPF_STORE_REL,
  BPF_STX,
  BPF_X,
  type Insn,
  insnClass,
  insnMode,
  insnSize,
  isAlu,
  X86_64,
} from '../../jit';
import { EventKind } from '../machine/trace';
import type { Activation } from './activations';
import type { CodePlace } from './code-map';
import { entriesOf, registersAfter } from './entries';
import type { Run } from './run';

/** A value of BPF r10 that a program showed: the address of an access through it, a copy of it, a sum with it, or a store. */
export interface FrameUse {
  /** Event at which it was seen. */
  readonly event: number;
  readonly activation: Activation;
  readonly place: CodePlace;
  readonly framePointer: bigint;
  /** Of an access: offset from r10, and bytes. */
  readonly access: { readonly offset: number; readonly size: number; readonly write: boolean } | null;
}

const isLoadAcquire = (insn: Insn): boolean =>
  insnClass(insn) === BPF_STX && insnMode(insn) === BPF_ATOMIC && insn.imm === BPF_LOAD_ACQ;

/** Modes of accesses to an arena: what they add up is no address of a frame, whatever the register. */
const ARENA_MODES = new Set([BPF_PROBE_MEM32, BPF_PROBE_MEM32SX, BPF_PROBE_ATOMIC]);

/** The register that an access goes through: the source of a load, the destination of a store. */
function baseRegister(insn: Insn): number | null {
  const kind = insnClass(insn);
  if (ARENA_MODES.has(insnMode(insn)) && kind >= BPF_LDX && kind <= BPF_STX) return null;
  if (kind === BPF_LDX || isLoadAcquire(insn)) return insn.src;
  return kind === BPF_ST || kind === BPF_STX ? insn.dst : null;
}

/** Whether it is `dst = r10` or `dst += r10`. */
const isFrameAlu = (insn: Insn, op: number): boolean =>
  isAlu(insn) &&
  insnClass(insn) === BPF_ALU64 &&
  aluOp(insn) === op &&
  (insn.code & BPF_X) !== 0 &&
  insn.off === 0 &&
  insn.src === BPF_REG_FP;

/** Whether what it writes is r10 itself; an atomic operation may write a sum with it, or what was there. */
function storesFrame(insn: Insn): boolean {
  if (insnClass(insn) !== BPF_STX || insnSize(insn) !== BPF_DW) return false;
  if (insn.src !== BPF_REG_FP || insn.dst === BPF_REG_FP) return false;
  return insnMode(insn) === BPF_MEM || (insnMode(insn) === BPF_ATOMIC && insn.imm === BPF_STORE_REL);
}

/** Every use of r10 in a run, in order of time. It needs no knowledge of where frames are. */
export function frameUses(run: Run, activationOf: readonly (Activation | null)[]): FrameUse[] {
  const { trace, world } = run;
  const uses: FrameUse[] = [];
  // Whatever interrupts has registers of its own.
  const entryOf = entriesOf(run);
  for (let event = 0; event < trace.count; event++) {
    const kind = trace.kind(event);
    if (kind === EventKind.HELPER) continue;
    const place = world.code.at(trace.rip(event));
    const activation = activationOf[event];
    if (!place?.insn || !activation || place.row.role !== 'body') continue;
    const { insn } = place;
    if (kind === EventKind.INSN) {
      const adds = isFrameAlu(insn, BPF_ADD);
      if (!adds && !isFrameAlu(insn, BPF_MOV)) continue;
      const next = registersAfter(run, entryOf, event);
      if (next < 0) continue;
      const dst = X86_64.bpf[insn.dst]!;
      const framePointer = BigInt.asUintN(64, trace.reg(next, dst) - (adds ? trace.reg(event, dst) : 0n));
      uses.push({ event, activation, place, framePointer, access: null });
    } else if (baseRegister(insn) === BPF_REG_FP) {
      const framePointer = BigInt.asUintN(64, trace.address(event) - BigInt(insn.off));
      const access = { offset: insn.off, size: trace.size(event), write: kind === EventKind.WRITE };
      uses.push({ event, activation, place, framePointer, access });
    } else if (storesFrame(insn) && kind === EventKind.WRITE) {
      uses.push({ event, activation, place, framePointer: trace.value(event), access: null });
    }
  }
  return uses;
}
