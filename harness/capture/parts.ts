import { Gpr, PROLOGUE_PC } from '../../jit';
import type { CodeRow } from '../run/code';
import type { CapturedProgram } from './placed';

/** The machine code that one BPF instruction, or one part of a prologue, became. */
export interface Part {
  readonly subprog: string;
  /** Slot, or PROLOGUE_PC. */
  readonly pc: number;
  /** What it is there for: a part of the prologue has one role, an instruction all of its code. */
  readonly role: string;
  /** In Intel's syntax, addresses left out. */
  readonly lines: readonly string[];
  /** Bytes of code. */
  readonly size: number;
}

/** Numbers in a text that are addresses, and differ from load to load. */
function withoutAddresses(text: string, { addresses, code, callees, blocks }: CapturedProgram, row: CodeRow): string {
  const inOwn = (value: bigint): string | null => {
    const index = addresses.findIndex((address, i) => value >= address && value < address + BigInt(code[i]!.length));
    if (index < 0) return null;
    return value === addresses[index] ? `func${index}` : 'here';
  };
  const named = (digits: string): string => {
    const value = BigInt(digits);
    const callee = callees.find(({ address }) => address === value);
    if (callee) return callee.name;
    const own = inOwn(value);
    if (own !== null) return own;
    if (blocks.some((block) => value > block && value < block + 0x1000n)) return 'frame';
    return value >= 0xffff800000000000n ? 'address' : digits;
  };
  // Our own texts have names for targets, and no addresses but constants.
  const plain =
    row.role === 'frame-pointer' && row.base === null && row.mnemonic === 'movabs' ? `mov r${Gpr.r9}, frame` : text;
  return plain.replace(/0x[0-9a-f]+/g, named).replace(/\b(short|near) /g, '');
}

/** The code of a captured program, part by part. */
export function partsOf(captured: CapturedProgram): Part[] {
  return captured.functions.flatMap((fn) => {
    const parts: { pc: number; role: string; rows: CodeRow[] }[] = [];
    for (const row of fn.rows()) {
      const last = parts[parts.length - 1];
      const joins = last && last.pc === row.pc && (row.pc !== PROLOGUE_PC || last.role === row.role);
      if (joins) last.rows.push(row);
      else parts.push({ pc: row.pc, role: row.role, rows: [row] });
    }
    return parts.map(({ pc, rows }) => ({
      subprog: fn.name,
      pc,
      role: [...new Set(rows.map(({ role }) => role))].join(', '),
      lines: rows.map((row) => withoutAddresses(row.text, captured, row)),
      size: rows.reduce((sum, { size }) => sum + size, 0),
    }));
  });
}
