import {
  BPF_CALL,
  BPF_EXIT,
  BPF_JMP,
  BPF_LDX,
  BPF_PROBE_ATOMIC,
  BPF_PROBE_MEM,
  BPF_PROBE_MEM32,
  BPF_PROBE_MEM32SX,
  BPF_PROBE_MEMSX,
  BPF_ST,
  BPF_STX,
  type ExceptionEntry,
  Gpr,
  type Insn,
  insnClass,
  insnMode,
  isJmp,
  PROLOGUE_PC,
  pcsOf,
  type Role,
  X86_64,
} from '../../jit';
import type { CodeFunction, CodeRow } from '../run/code';
import { type Decoded, decode } from './decode';
import { type Prologue, readPrologue } from './prologue';

/** A function that another JIT emitted. */
export interface ForeignFunction {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly address: bigint;
  readonly insns: readonly Insn[];
  /** Slot and offset of each instruction, as far as they are known. */
  readonly lines: readonly (readonly [slot: number, offset: number])[] | undefined;
}

const isExit = (insn: Insn): boolean => insn.code === (BPF_JMP | BPF_EXIT);
const isCall = (insn: Insn): boolean => insn.code === (BPF_JMP | BPF_CALL);

/** A call, or what a direct tail call has patched when its slot is filled. */
function callRole({ flow, size, mnemonic }: Decoded, inside: boolean): Role {
  if (flow === 'call') return 'call';
  if (flow === 'jump' && inside) return 'tail-call-bypass';
  if (size === 5 && mnemonic === 'nop') return 'tail-call-target';
  return 'body';
}

/**
 * What an instruction behind the prologue is there for, by the BPF instruction that it belongs to.
 * @param inside whether it jumps to a place in its function
 */
function roleOf(row: Decoded, insn: Insn, inside: boolean): Role {
  if (row.text === 'push r9') return 'preserve';
  if (row.text === 'pop r9') return 'restore';
  if (isExit(insn)) return row.flow === 'jump' && inside ? 'jump' : 'epilogue';
  if (isCall(insn)) return callRole(row, inside);
  if (!isJmp(insn)) return 'body';
  if (row.mnemonic === 'nop') return 'padding';
  return row.flow === 'next' ? 'body' : 'jump';
}

/** Modes of what may fault, by class: loads that leave 0 behind, and other accesses to an arena. */
const FAULTING: Readonly<Record<number, readonly number[]>> = {
  [BPF_LDX]: [BPF_PROBE_MEM, BPF_PROBE_MEMSX, BPF_PROBE_MEM32, BPF_PROBE_MEM32SX],
  [BPF_ST]: [BPF_PROBE_MEM32],
  [BPF_STX]: [BPF_PROBE_MEM32, BPF_PROBE_ATOMIC],
};

const mayFault = (insn: Insn): boolean => FAULTING[insnClass(insn)]?.includes(insnMode(insn)) ?? false;

/** What a kernel does not dump: where instructions may fault, and what follows (struct exception_table_entry). */
function exceptionsOf(rows: readonly CodeRow[], insnAt: ReadonlyMap<number, Insn>): ExceptionEntry[] {
  const last = new Map<number, CodeRow>();
  for (const row of rows) {
    const insn = insnAt.get(row.pc);
    if (insn && row.base !== null && mayFault(insn)) last.set(row.pc, row);
  }
  return [...last].map(([pc, { offset, size }]) => {
    const insn = insnAt.get(pc)!;
    const zero = insnClass(insn) === BPF_LDX ? X86_64.bpf[insn.dst]! : null;
    return { offset, resume: offset + size, zero };
  });
}

/** The slot that each offset belongs to: the last one that begins at or before it. */
function slotsAt(offsets: readonly number[], lines: NonNullable<ForeignFunction['lines']>, end: number): number[] {
  const starts = lines.map(([slot, offset]) => [slot, Math.max(offset, end)] as const);
  let next = 0;
  return offsets.map((offset) => {
    while (next + 1 < starts.length && starts[next + 1]![1] <= offset) next++;
    return starts[next]![0];
  });
}

/** A function whose instructions are found by decoding it, and what they are there for by where they stand. */
export class DecodedFunction implements CodeFunction {
  readonly prologue: Prologue;
  readonly decoded: readonly Decoded[];
  readonly exceptionTable: readonly ExceptionEntry[];
  private readonly all: readonly CodeRow[];

  /** @throws DecodeError */
  constructor(private readonly foreign: ForeignFunction) {
    this.decoded = decode(foreign.bytes, foreign.address);
    this.prologue = readPrologue(this.decoded);
    const { insns } = foreign;
    const insnAt = new Map(
      pcsOf(insns)
        .map((pc, i) => [pc, insns[i]] as const)
        .slice(0, -1),
    ) as Map<number, Insn>;
    this.all = this.rowsOf(insnAt);
    this.exceptionTable = exceptionsOf(this.all, insnAt);
  }

  private rowsOf(insnAt: ReadonlyMap<number, Insn>): CodeRow[] {
    const { lines } = this.foreign;
    const { roles, end } = this.prologue;
    const body = this.decoded.slice(roles.length);
    const slots =
      lines && lines.length > 0
        ? slotsAt(
            body.map(({ offset }) => offset),
            lines,
            end,
          )
        : null;
    const row = (decoded: Decoded, pc: number, role: Role): CodeRow => {
      const { offset, size, mnemonic, base, pushes, adjusts, text } = decoded;
      return { offset, size, mnemonic, base, pushes, adjusts, text, pc, role };
    };
    return [
      ...roles.map((role, i) => row(this.decoded[i]!, PROLOGUE_PC, role)),
      ...body.map((each, i) => {
        const pc = slots?.[i] ?? PROLOGUE_PC;
        const insn = insnAt.get(pc);
        return row(each, pc, insn ? roleOf(each, insn, this.leadsInside(each)) : 'body');
      }),
    ];
  }

  private leadsInside({ target }: Decoded): boolean {
    const { address, bytes } = this.foreign;
    return target !== null && target >= address && target < address + BigInt(bytes.length);
  }

  get name(): string {
    return this.foreign.name;
  }

  get size(): number {
    return this.foreign.bytes.length;
  }

  get landing(): number {
    return this.prologue.landing;
  }

  get frame(): CodeFunction['frame'] {
    const isPrivate = this.prologue.privateFrame !== null;
    return { register: isPrivate ? Gpr.r9 : Gpr.rbp, isPrivate };
  }

  rows(): readonly CodeRow[] {
    return this.all;
  }
}
