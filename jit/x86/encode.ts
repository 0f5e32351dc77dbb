import type { Form } from './forms';
import type { GsMem, Imm, Imm64, Mem, Operand, Rel, SymbolRef } from './operands';
import type { Reg } from './registers';

/** A place in the bytes whose value is an address, or depends on one. Offsets are relative to the instruction. */
export interface Fixup {
  readonly offset: number;
  readonly size: 1 | 4 | 8;
  /** `rel`: relative to the end of the field; `abs`: the address itself (64 bits, or 32 that are sign-extended). */
  readonly kind: 'rel' | 'abs';
  readonly target: Rel['target'];
}

/** Receives the bytes; `fixup` is called after the field's bytes (zero, or the value where it is known) are written. */
export interface CodeBuffer {
  bytes: Uint8Array;
  length: number;
  fixup(fixup: Fixup): void;
}

/** Longest x86 instruction (SDM vol. 2, 2.3.11). */
export const MAX_INSTRUCTION = 15;

/** Makes sure that one more instruction fits. */
function reserve(buffer: CodeBuffer): void {
  if (buffer.length + MAX_INSTRUCTION <= buffer.bytes.length) return;
  const bigger = new Uint8Array(Math.max(buffer.bytes.length * 2, 256));
  bigger.set(buffer.bytes);
  buffer.bytes = bigger;
}

function put(buffer: CodeBuffer, byte: number): void {
  buffer.bytes[buffer.length++] = byte;
}

function putLe(buffer: CodeBuffer, value: number, bytes: number): void {
  for (let shift = 0; shift < bytes * 8; shift += 8) put(buffer, value >> shift);
}

function putLe64(buffer: CodeBuffer, value: bigint): void {
  putLe(buffer, Number(value & 0xffffffffn), 4);
  putLe(buffer, Number((value >> 32n) & 0xffffffffn), 4);
}

/** ModRM, SIB and displacement of a memory operand (SDM vol. 2, 2.1.5). SIB follows from the addressing mode alone. */
function putMem(buffer: CodeBuffer, reg: number, mem: Mem): void {
  const mod = mem.dispWidth === 0 ? 0x00 : mem.dispWidth === 8 ? 0x40 : 0x80;
  const low = mem.base & 7;
  if (mem.dispWidth === 0 && low === 5) throw new RangeError('rbp and r13 need a displacement as base');
  if (mem.index === null && low !== 4) put(buffer, mod | ((reg & 7) << 3) | low);
  else {
    if (mem.index === 4) throw new RangeError('rsp cannot be an index');
    put(buffer, mod | ((reg & 7) << 3) | 4);
    const scale = { 1: 0x00, 2: 0x40, 4: 0x80, 8: 0xc0 }[mem.scale];
    put(buffer, scale | ((mem.index === null ? 4 : mem.index & 7) << 3) | low);
  }
  if (mem.dispWidth === 8) put(buffer, mem.disp);
  else if (mem.dispWidth === 32) putLe(buffer, mem.disp, 4);
}

function symbolFixup(buffer: CodeBuffer, start: number, size: 4 | 8, symbol: SymbolRef | undefined): void {
  if (symbol !== undefined) buffer.fixup({ offset: buffer.length - size - start, size, kind: 'abs', target: symbol });
}

function putGs(buffer: CodeBuffer, start: number, reg: number, mem: GsMem): void {
  put(buffer, 0x04 | ((reg & 7) << 3));
  put(buffer, 0x25);
  putLe(buffer, mem.disp, 4);
  symbolFixup(buffer, start, 4, mem.symbol);
}

/** REX bits W R X B; `force` is true when a byte register 4..7 needs the prefix to be sil, dil, spl or bpl. */
function putRex(buffer: CodeBuffer, form: Form, reg: number, rm: number, index: number, force: boolean): void {
  const rex = (form.rexW ? 8 : 0) | ((reg & 8) >> 1) | ((index & 8) >> 2) | ((rm & 8) >> 3);
  if (rex !== 0 || force || form.rexAlways) put(buffer, 0x40 | rex);
}

function putVex(buffer: CodeBuffer, vex: NonNullable<Form['vex']>, reg: number, rm: number, vvvv: number): void {
  put(buffer, 0xc4);
  put(buffer, ((reg & 8) << 4) ^ 0x80 ^ 0x40 ^ (((rm & 8) << 2) ^ 0x20) ^ vex.map);
  put(buffer, (vex.w << 7) | ((~vvvv & 15) << 3) | vex.pp);
}

function putTail(buffer: CodeBuffer, start: number, form: Form, operand: Imm | Imm64 | Rel): void {
  if (operand.kind === 'imm64') {
    putLe64(buffer, operand.value);
    symbolFixup(buffer, start, 8, operand.symbol);
  } else if (operand.kind === 'imm') {
    putLe(buffer, operand.value, form.tail);
    if (operand.width === 32) symbolFixup(buffer, start, 4, operand.symbol);
  } else {
    putLe(buffer, 0, form.tail);
    const size = form.tail as 1 | 4;
    buffer.fixup({ offset: buffer.length - size - start, size, kind: 'rel', target: operand.target });
  }
}

/**
 * Appends one instruction. `operands` are those of the row, fixed ones left out.
 * @returns the number of bytes
 */
export function encode(form: Form, operands: readonly Operand[], buffer: CodeBuffer): number {
  reserve(buffer);
  const start = buffer.length;
  const { slots } = form;
  let reg = form.digit ?? 0;
  let rm: Reg | Mem | GsMem | null = null;
  let opcodeReg = 0;
  let vvvv = 0;
  let byteReg = false;
  let tail: Imm | Imm64 | Rel | null = null;
  for (let i = 0; i < slots.length; i++) {
    const operand = operands[i]!;
    const slot = slots[i];
    if (operand.kind === 'reg' && operand.width === 8 && operand.num >= 4) byteReg = true;
    if (slot === 'reg') reg = (operand as Reg).num;
    else if (slot === 'rm') rm = operand as Reg | Mem | GsMem;
    else if (slot === 'opcode') opcodeReg = (operand as Reg).num;
    else if (slot === 'vvvv') vvvv = (operand as Reg).num;
    else tail = operand as Imm | Imm64 | Rel;
  }
  const base = rm === null ? opcodeReg : rm.kind === 'reg' ? rm.num : rm.kind === 'mem' ? rm.base : 0;
  const index = rm !== null && rm.kind === 'mem' && rm.index !== null ? rm.index : 0;
  for (let i = 0; i < form.prefixes.length; i++) put(buffer, form.prefixes[i]!);
  if (form.vex !== null) putVex(buffer, form.vex, reg, base, vvvv);
  else putRex(buffer, form, reg, base, index, byteReg);
  const last = form.opcode.length - 1;
  for (let i = 0; i < last; i++) put(buffer, form.opcode[i]!);
  put(buffer, form.opcode[last]! | (form.hasModrm ? 0 : opcodeReg & 7));
  if (rm !== null) {
    if (rm.kind === 'reg') put(buffer, 0xc0 | ((reg & 7) << 3) | (rm.num & 7));
    else if (rm.kind === 'mem') putMem(buffer, reg, rm);
    else putGs(buffer, start, reg, rm);
  }
  if (tail !== null) putTail(buffer, start, form, tail);
  return buffer.length - start;
}
