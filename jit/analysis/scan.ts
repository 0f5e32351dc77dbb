import { BPF_ATOMIC, BPF_LDX, BPF_LOAD_ACQ, BPF_ST, BPF_STX, type Insn, type Program, slots } from '../bpf';
import { calleeName, isCall, isTailCall, isThrow } from './calls';
import { roundUp, type TailCallSlot } from './facts';
import { follow } from './flow';
import { constantOf, FRAME, FUNC, kindOf, MAP, NUMBER, type Row } from './values';

/** A function that is handed to a call. */
export interface HandedOver {
  /** Slot of the call. */
  readonly pc: number;
  /** Name of the helper or kfunc; undefined for a subprog or an unknown one. */
  readonly callee: string | undefined;
  /** Index of the function. */
  readonly callback: number;
  /** Which argument it is, from 1. */
  readonly argument: number;
}

/** What one subprog does, as far as control can reach. */
export interface SubprogScan {
  /** Bytes of its frame, a multiple of 8. */
  readonly ownDepth: number;
  /** The first instruction that needs a frame that deep, -1 without a frame. */
  readonly deepestPc: number;
  /** Slots of its calls of bpf_throw. */
  readonly throws: readonly number[];
  /** Subprogs that it hands over as asynchronous callbacks. */
  readonly asyncCallbacks: readonly number[];
  /** Functions that it hands to calls, in whatever argument. */
  readonly handedOver: readonly HandedOver[];
  /** Its tail calls in program order, those out of reach included: the slot that each goes to, null where it is not known. */
  readonly tailCalls: readonly (TailCallSlot | null)[];
}

/** Bytes in which a frame grows: an access at -49 makes 56 of it (grow_stack_state()). */
const SLOT = 8;

/** What runs later, outside of the call that is handed it in its second argument. */
const ASYNC_SETTERS: ReadonlySet<string | undefined> = new Set(['bpf_timer_set_callback', 'bpf_wq_set_callback_impl']);

/**
 * Own stack depth and calls of a subprog.
 *
 * The depth is what loads, stores and atomic operations need that go through r10 or a pointer made from it with constants, and
 * what calls may need that are handed such a pointer. Of pointers kept in memory, with a variable offset, or of a caller's frame
 * the verifier knows more.
 */
export function scanSubprog(program: Program, index: number): SubprogScan {
  const insns = program.subprogs[index]!.insns;
  const tails = new Map<number, TailCallSlot | null>();
  const handedOver: HandedOver[] = [];
  let ownDepth = 0;
  let deepestPc = -1;
  const throws: number[] = [];
  const touch = (offset: number, pc: number): void => {
    const depth = roundUp(-offset, SLOT);
    if (depth <= ownDepth) return;
    ownDepth = depth;
    deepestPc = pc;
  };

  follow(
    insns,
    (insn) => isThrow(insn, program),
    (insn, pc, row) => {
      const base = baseOf(insn);
      if (base >= 0) {
        if (kindOf(row, base) === FRAME) touch(constantOf(row, base) + insn.off, pc);
        return;
      }
      if (!isCall(insn)) return;
      for (let r = 1; r <= 5; r++) {
        if (kindOf(row, r) === FRAME) touch(constantOf(row, r), pc);
        if (kindOf(row, r) !== FUNC) continue;
        handedOver.push({ pc, callee: calleeName(insn, program), callback: constantOf(row, r), argument: r });
      }
      if (isTailCall(insn)) tails.set(pc, tailSlot(row));
      else if (isThrow(insn, program)) throws.push(pc);
    },
  );
  const async = handedOver
    .filter(({ callee, argument }) => argument === 2 && ASYNC_SETTERS.has(callee))
    .map(({ callback }) => callback);
  const tailCalls = allTailCalls(insns, tails);
  return { ownDepth, deepestPc, throws, asyncCallbacks: [...new Set(async)], handedOver, tailCalls };
}

/** Subprogs that a program hands over as asynchronous callbacks, by index. */
export const asyncCallbacksOf = (program: Program): readonly number[] => [
  ...new Set(program.subprogs.flatMap((_, subprog) => scanSubprog(program, subprog).asyncCallbacks)),
];

/** Functions that a subprog hands to calls. */
export const handedOver = (program: Program, subprog: number): readonly HandedOver[] =>
  scanSubprog(program, subprog).handedOver;

/** The register through which memory is accessed, -1 for an instruction that accesses none. */
function baseOf(insn: Insn): number {
  const kind = insn.code & 0x07;
  if (kind === BPF_LDX) return insn.src;
  if (kind === BPF_ST) return insn.dst;
  if (kind !== BPF_STX) return -1;
  return (insn.code & 0xe0) === BPF_ATOMIC && insn.imm === BPF_LOAD_ACQ ? insn.src : insn.dst;
}

/** Both the index and the map have to be known (record_func_key(), record_func_map()); the index with all of its 64 bits. */
const tailSlot = (row: Row): TailCallSlot | null =>
  kindOf(row, 2) === MAP && kindOf(row, 3) === NUMBER && constantOf(row, 3) >= 0
    ? { map: constantOf(row, 2), index: constantOf(row, 3) }
    : null;

function allTailCalls(
  insns: readonly Insn[],
  reached: ReadonlyMap<number, TailCallSlot | null>,
): (TailCallSlot | null)[] {
  const all: (TailCallSlot | null)[] = [];
  let pc = 0;
  for (const insn of insns) {
    if (isTailCall(insn)) all.push(reached.get(pc) ?? null);
    pc += slots(insn);
  }
  return all;
}
