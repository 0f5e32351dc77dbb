import { type ExceptionEntry, Gpr, type JitImage, type ListingRow, printIntel, type Role } from '../../jit';

/** A machine instruction of a function, whoever found it: our JIT, which made it, or a decoder. */
export interface CodeRow {
  /** From the start of the function. */
  readonly offset: number;
  readonly size: number;
  /** Slot of the BPF instruction, or PROLOGUE_PC. */
  readonly pc: number;
  readonly role: Role;
  /** `push`, `mov`; prefixes left out. */
  readonly mnemonic: string;
  /** Hardware number of the register that its memory operand is relative to; null without one. */
  readonly base: number | null;
  /** Register that it pushes, and one that it changes by a constant; null where it does not. */
  readonly pushes: number | null;
  readonly adjusts: number | null;
  /** In Intel's syntax. */
  readonly text: string;
}

/** The machine code of a subprog, placed and linked. */
export interface CodeFunction {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  readonly frame: {
    /** Machine register that holds BPF r10. */
    readonly register: number;
    readonly isPrivate: boolean;
  };
  /** Offset at which a tail call lands. */
  readonly landing: number;
  readonly exceptionTable: readonly ExceptionEntry[];
  /** Every instruction in order. */
  rows(): readonly CodeRow[];
}

/** A row of a listing. Text is made when it is asked for: most rows are never printed. */
class CompiledRow implements CodeRow {
  readonly offset: number;
  readonly size: number;

  constructor(private readonly row: ListingRow) {
    this.offset = row.offset;
    this.size = row.size;
  }

  get pc(): number {
    return this.row.insn.site.pc;
  }

  get role(): Role {
    return this.row.insn.site.role;
  }

  get mnemonic(): string {
    return this.row.insn.form.mnemonic;
  }

  get base(): number | null {
    const mem = this.row.insn.operands.find((operand) => operand.kind === 'mem');
    return mem?.kind === 'mem' ? mem.base : null;
  }

  get pushes(): number | null {
    const [operand] = this.row.insn.operands;
    return this.mnemonic.startsWith('push') && operand?.kind === 'reg' ? operand.num : null;
  }

  get adjusts(): number | null {
    const [target, by] = this.row.insn.operands;
    if (this.mnemonic !== 'add' && this.mnemonic !== 'sub') return null;
    // The short forms do not name the accumulator.
    if (target?.kind === 'imm') return Gpr.rax;
    return target?.kind === 'reg' && by?.kind === 'imm' ? target.num : null;
  }

  get text(): string {
    const { form, operands } = this.row.insn;
    return printIntel(form, operands, { target: ({ target }) => ('name' in target ? target.name : undefined) });
  }
}

/** What our JIT compiled: it knows what each instruction is there for. */
export function compiledCode({ functions }: JitImage): CodeFunction[] {
  return functions.map((fn) => {
    const { name, bytes, frame, landing, exceptionTable } = fn;
    const rows = () => fn.listing().map((row) => new CompiledRow(row));
    return { name, size: bytes.length, frame, landing, exceptionTable, rows };
  });
}
