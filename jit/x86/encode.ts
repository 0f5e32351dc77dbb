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

// The parts of an instruction: each is written at `at`, and the offset behind it is returned.

function put32(bytes: Uint8Array, at: number, value: number): number {
  bytes[at] = value;
  bytes[at + 1] = value >> 8;
  bytes[at + 2] = value >> 16;
  bytes[at + 3] = value >> 24;
  return at + 4;
}

function putLe(bytes: Uint8Array, at: number, value: number, size: number): number {
  if (size === 4) return put32(bytes, at, value);
  bytes[at] = value;
  if (size === 2) bytes[at + 1] = value >> 8;
  return at + size;
}

function putLe64(bytes: Uint8Array, at: number, value: bigint): number {
  put32(bytes, at, Number(value & 0xffffffffn));
  return put32(bytes, at + 4, Number((value >> 32n) & 0xffffffffn));
}

const SCALES = { 1: 0x00, 2: 0x40, 4: 0x80, 8: 0xc0 } as const;

/** ModRM, SIB and displacement of a memory operand (SDM vol. 2, 2.1.5). SIB follows from the addressing mode alone. */
function putMem(bytes: Uint8Array, start: number, reg: number, mem: Mem): number {
  const { index, disp, dispWidth } = mem;
  const modrm = (dispWidth === 0 ? 0x00 : dispWidth === 8 ? 0x40 : 0x80) | ((reg & 7) << 3);
  const low = mem.base & 7;
  let at = start;
  if (dispWidth === 0 && low === 5) throw new RangeError('rbp and r13 need a displacement as base');
  if (index === null && low !== 4) bytes[at++] = modrm | low;
  else {
    if (index === 4) throw new RangeError('rsp cannot be an index');
    bytes[at++] = modrm | 4;
    bytes[at++] = SCALES[mem.scale] | ((index === null ? 4 : index & 7) << 3) | low;
  }
  if (dispWidth === 0) return at;
  return putLe(bytes, at, disp, dispWidth === 8 ? 1 : 4);
}

function putGs(bytes: Uint8Array, at: number, reg: number, mem: GsMem): number {
  bytes[at] = 0x04 | ((reg & 7) << 3);
  bytes[at + 1] = 0x25;
  return put32(bytes, at + 2, mem.disp);
}

function putVex(
  bytes: Uint8Array,
  at: number,
  vex: NonNullable<Form['vex']>,
  { reg, rm, vvvv }: { reg: number; rm: number; vvvv: number },
): number {
  bytes[at] = 0xc4;
  bytes[at + 1] = ((reg & 8) << 4) ^ 0x80 ^ 0x40 ^ (((rm & 8) << 2) ^ 0x20) ^ vex.map;
  bytes[at + 2] = (vex.w << 7) | ((~vvvv & 15) << 3) | vex.pp;
  return at + 3;
}

/** REX bits W R X B, without a byte where none is needed. A byte register 4..7 needs it to be sil, dil, spl or bpl. */
function putRex(bytes: Uint8Array, at: number, form: Form, bits: number, operands: readonly Operand[]): number {
  const { byteReg } = form;
  const rex = bits | (form.rexW ? 8 : 0);
  const force = form.rexAlways || (byteReg >= 0 && (operands[byteReg] as Reg).num >= 4);
  if (rex === 0 && !force) return at;
  bytes[at] = 0x40 | rex;
  return at + 1;
}

function symbolFixup(buffer: CodeBuffer, offset: number, size: 4 | 8, symbol: SymbolRef | undefined): void {
  if (symbol !== undefined) buffer.fixup({ offset, size, kind: 'abs', target: symbol });
}

/** The immediate or relative displacement at the end. */
function putTail(buffer: CodeBuffer, at: number, form: Form, operands: readonly Operand[]): number {
  const { bytes, length: start } = buffer;
  const { tail } = form;
  if (form.at.rel >= 0) {
    const { target } = operands[form.at.rel] as Rel;
    const end = putLe(bytes, at, 0, tail);
    buffer.fixup({ offset: at - start, size: tail as 1 | 4, kind: 'rel', target });
    return end;
  }
  if (tail === 8) {
    const { value, symbol } = operands[form.at.imm] as Imm64;
    symbolFixup(buffer, at - start, 8, symbol);
    return putLe64(bytes, at, value);
  }
  const { value, symbol } = operands[form.at.imm] as Imm;
  if (tail === 4) symbolFixup(buffer, at - start, 4, symbol);
  return putLe(bytes, at, value, tail);
}

/** The register in a slot of a row, 0 where the row has none. */
function regAt(operands: readonly Operand[], index: number): number {
  return index < 0 ? 0 : (operands[index] as Reg).num;
}

/**
 * Appends one instruction. `operands` are those of the row, fixed ones left out. What each of them is, the row says: the
 * operands themselves are of many shapes, and slow to ask.
 * @returns the number of bytes
 */
export function encode(form: Form, operands: readonly Operand[], buffer: CodeBuffer): number {
  reserve(buffer);
  const { bytes, length: start } = buffer;
  const { at: place, rm, prefixes, opcode, vex } = form;
  const reg = form.digit ?? regAt(operands, place.reg);
  const mem = rm === 'mem' ? (operands[place.rm] as Mem) : null;
  const opcodeReg = regAt(operands, place.opcode);
  const base = mem !== null ? mem.base : rm === 'reg' ? (operands[place.rm] as Reg).num : opcodeReg;
  let at = start;
  for (let i = 0; i < prefixes.length; i++) bytes[at++] = prefixes[i]!;
  if (vex !== null) at = putVex(bytes, at, vex, { reg, rm: base, vvvv: regAt(operands, place.vvvv) });
  else {
    const index = mem?.index ?? 0;
    at = putRex(bytes, at, form, ((reg & 8) >> 1) | ((index & 8) >> 2) | ((base & 8) >> 3), operands);
  }
  for (let i = 0; i < opcode.length; i++) bytes[at++] = opcode[i]!;
  if (mem !== null) at = putMem(bytes, at, reg, mem);
  else if (rm === 'reg') bytes[at++] = 0xc0 | ((reg & 7) << 3) | (base & 7);
  else if (rm === 'gs') {
    const gs = operands[place.rm] as GsMem;
    at = putGs(bytes, at, reg, gs);
    symbolFixup(buffer, at - 4 - start, 4, gs.symbol);
  } else if (place.opcode >= 0) bytes[at - 1] = opcode[opcode.length - 1]! | (opcodeReg & 7);
  if (form.tail > 0) at = putTail(buffer, at, form, operands);
  buffer.length = at;
  return at - start;
}
