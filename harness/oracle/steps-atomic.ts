import {
  BPF_ADD,
  BPF_AND,
  BPF_ATOMIC,
  BPF_B,
  BPF_CMPXCHG,
  BPF_DW,
  BPF_FETCH,
  BPF_H,
  BPF_LOAD_ACQ,
  BPF_OR,
  BPF_PROBE_ATOMIC,
  BPF_STORE_REL,
  BPF_STX,
  BPF_W,
  BPF_XCHG,
  BPF_XOR,
} from '../../jit';
import { ARENA, accessOf, MEM, type Mode } from './access';
import type { StepMaker } from './step';
import { load, storeRegister } from './steps-memory';

/** What an operation leaves in memory, and in which register the old value goes. */
interface Atomic {
  /** `operand` is `src`, `expected` is r0; all are as wide as the access. */
  readonly update: (old: bigint, operand: bigint, expected: bigint) => bigint;
  readonly fetch?: 'src' | 'r0';
}

const FETCHING: readonly (readonly [number, Atomic['update']])[] = [
  [BPF_ADD, (old, operand) => old + operand],
  [BPF_OR, (old, operand) => old | operand],
  [BPF_AND, (old, operand) => old & operand],
  [BPF_XOR, (old, operand) => old ^ operand],
];

/** By `imm` (RFC 9669 section 5.3). */
const READ_MODIFY_WRITE: Readonly<Record<number, Atomic>> = {
  ...Object.fromEntries(FETCHING.map(([imm, update]) => [imm, { update }])),
  ...Object.fromEntries(FETCHING.map(([imm, update]) => [imm | BPF_FETCH, { update, fetch: 'src' }])),
  [BPF_XCHG]: { update: (_, operand) => operand, fetch: 'src' },
  [BPF_CMPXCHG]: { update: (old, operand, expected) => (old === expected ? operand : old), fetch: 'r0' },
};

/** A fetched value of 32 bits clears the register's upper half, as does the r0 of a compare and exchange, always. */
const readModifyWrite =
  ({ address: addressOf, forgiving }: Mode): StepMaker =>
  (insn, next) => {
    const atomic = READ_MODIFY_WRITE[insn.imm];
    const { bytes, load, store } = accessOf(insn);
    if (!atomic || bytes < 4) return undefined;
    const { dst, src } = insn;
    const { update, fetch } = atomic;
    const fetched = fetch === 'r0' ? 0 : src;
    const bits = 8 * bytes;
    const offset = BigInt(insn.off);
    return (run) => {
      const { regs, memory } = run;
      const address = addressOf(run, regs[dst]!, offset);
      const segment = memory.find(address, bytes);
      if (segment) {
        const old = load(segment.view, memory.at);
        const updated = update(old, BigInt.asUintN(bits, regs[src]!), BigInt.asUintN(bits, regs[0]!));
        store(segment.view, memory.at, updated);
        if (fetch) regs[fetched] = old;
      } else if (!forgiving) run.badAccess('atomic', address, bytes);
      return next;
    };
  };

/** Loads and stores of this class. */
const ORDERED: Readonly<Record<number, (mode: Mode) => StepMaker>> = {
  [BPF_LOAD_ACQ]: (mode) => load(mode, 'load'),
  [BPF_STORE_REL]: storeRegister,
};

const MODES = [
  [BPF_ATOMIC, MEM],
  [BPF_PROBE_ATOMIC, ARENA],
] as const;

const atomic =
  (mode: Mode): StepMaker =>
  (insn, next, resolver) =>
    (ORDERED[insn.imm] ?? readModifyWrite)(mode)(insn, next, resolver);

/** Atomic instructions, by opcode. */
export const ATOMIC_STEPS: Readonly<Record<number, StepMaker>> = Object.fromEntries(
  MODES.flatMap(([mode, how]) =>
    [BPF_B, BPF_H, BPF_W, BPF_DW].map((size) => [BPF_STX | mode | size, atomic(how)] as const),
  ),
);
