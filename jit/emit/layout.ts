import { type CodeBuffer, encode, type Fixup } from '../x86/encode';
import { FORMS, type FormName } from '../x86/forms';
import { nops } from '../x86/nops';
import { LocalLabel, rel8, rel32, type SymbolRef } from '../x86/operands';
import { JumpKind, type PassOptions, type Settled, type SlotSizes, settle } from './passes';
import { PROLOGUE_PC } from './site';
import type { BpfJump, MachineInsn, StreamItem } from './stream';

/** A place in a subprog's bytes that is filled when the image is linked. */
export interface Relocation {
  /** From the start of the subprog. */
  readonly offset: number;
  readonly size: 1 | 4 | 8;
  readonly kind: 'rel' | 'abs';
  readonly symbol: SymbolRef;
}

/** A machine instruction at its place. */
export interface ListingRow {
  /** From the start of the subprog. */
  readonly offset: number;
  readonly size: number;
  readonly insn: MachineInsn;
}

/** An instruction that may fault, and where execution goes on after it. */
export interface ExceptionEntry {
  readonly offset: number;
  readonly resume: number;
  readonly zero: number | null;
}

/** The bytes of one subprog. */
export interface CodeLayout {
  readonly bytes: Uint8Array;
  readonly relocations: readonly Relocation[];
  readonly exceptionTable: readonly ExceptionEntry[];
  /** Start of each slot, and the end. */
  readonly addrs: Int32Array;
  readonly passes: number;
  /** Every machine instruction in order. */
  listing(): ListingRow[];
}

/** The slot-by-slot pieces of a stream: `slot` 0 is the prologue, `pc + 1` the BPF instruction at pc. */
interface Encoded extends CodeBuffer {
  /** Where each item's bytes start in `bytes`; jumps and labels have none. */
  readonly starts: Int32Array;
  readonly fixups: { item: number; offset: number; fixup: Fixup }[];
  readonly labels: Map<LocalLabel, number>;
}

function encodeItems(items: readonly StreamItem[]): Encoded {
  const starts = new Int32Array(items.length + 1);
  const fixups: Encoded['fixups'] = [];
  let item = 0;
  const buffer: Encoded = {
    bytes: new Uint8Array(Math.max(64, items.length * 6)),
    length: 0,
    fixup: (fixup) => fixups.push({ item, offset: starts[item]! + fixup.offset, fixup }),
    starts,
    fixups,
    labels: new Map(),
  };
  for (; item < items.length; item++) {
    const each = items[item]!;
    starts[item] = buffer.length;
    if (each.kind === 'insn') encode(each.form, each.operands, buffer);
    else if (each.kind === 'label') buffer.labels.set(each.label, buffer.length);
  }
  starts[items.length] = buffer.length;
  return buffer;
}

function jumpKind(jump: BpfJump): JumpKind {
  if (jump.condition !== 'jmp') return JumpKind.conditional;
  return jump.elide ? JumpKind.elidable : JumpKind.always;
}

function measure(items: readonly StreamItem[], encoded: Encoded, slots: number): SlotSizes {
  const fixed = new Int32Array(slots);
  const jump = new Uint8Array(slots);
  const target = new Int32Array(slots);
  let prologue = 0;
  for (let i = 0; i < items.length; i++) {
    const item = items[i]!;
    const { pc } = item.site;
    const size = encoded.starts[i + 1]! - encoded.starts[i]!;
    if (pc === PROLOGUE_PC) prologue += size;
    else fixed[pc] = fixed[pc]! + size;
    if (item.kind !== 'jump') continue;
    if (jump[pc] !== JumpKind.none) throw new RangeError(`two jumps at pc ${pc}`);
    jump[pc] = jumpKind(item);
    target[pc] = item.target;
  }
  return { prologue, fixed, jump, target };
}

function jumpForm(jump: BpfJump, bytes: number): FormName {
  return `${jump.condition} ${bytes === 2 ? 'rel8' : 'rel32'}`;
}

/** What stands for a jump once sizes are settled: nothing, or nops and the jump. */
function settledJump(jump: BpfJump, settled: Settled): MachineInsn[] {
  const { site } = jump;
  const padding = settled.padding[site.pc]!;
  const bytes = settled.jumpSize[site.pc]!;
  const insns: MachineInsn[] = [];
  for (const nop of nops(padding)) {
    insns.push({ kind: 'insn', form: FORMS[nop], operands: [], site: { ...site, role: 'padding' } });
  }
  if (bytes > 0) {
    const target = { kind: 'image', name: `pc ${jump.target}`, index: jump.target } as const;
    const operand = bytes === 2 ? { ...rel8(NOWHERE), target } : rel32(target);
    insns.push({ kind: 'insn', form: FORMS[jumpForm(jump, bytes)], operands: [operand], site });
  }
  return insns;
}

const NOWHERE = new LocalLabel();

/**
 * Gives a stream its bytes.
 * @param slots slots of the BPF program
 * @throws RangeError when jumps do not settle
 */
export function layOut(items: readonly StreamItem[], slots: number, options: PassOptions): CodeLayout {
  const encoded = encodeItems(items);
  const settled = settle(measure(items, encoded, slots), options);
  const { addrs } = settled;
  const bytes = new Uint8Array(addrs[slots]!);
  const view = new DataView(bytes.buffer);
  // How far the pieces before a jump move: everything of a slot but its jump stays together.
  const moved = new Int32Array(items.length);
  const starts = new Int32Array(items.length + 1);
  let shift = 0;
  let copied = 0;
  for (let i = 0; i < items.length; i++) {
    const item = items[i]!;
    const from = encoded.starts[i]!;
    starts[i] = from + shift;
    moved[i] = shift;
    if (item.kind !== 'jump') continue;
    copy(encoded.bytes, copied, from, bytes, shift);
    copied = from;
    shift = writeJump(item, settled, bytes, view, from + shift) - from;
  }
  copy(encoded.bytes, copied, encoded.length, bytes, shift);
  starts[items.length] = encoded.length + shift;
  const relocations: Relocation[] = [];
  for (const { item, offset, fixup } of encoded.fixups) {
    const place = offset + moved[item]!;
    if (fixup.target instanceof LocalLabel) {
      const label = encoded.labels.get(fixup.target);
      if (label === undefined) throw new RangeError('a local label was never bound');
      writeRelative(view, place, fixup.size, label + moved[item]! - (place + fixup.size));
    } else relocations.push({ offset: place, size: fixup.size, kind: fixup.kind, symbol: fixup.target });
  }
  const exceptionTable: ExceptionEntry[] = [];
  for (let i = 0; i < items.length; i++) {
    const item = items[i]!;
    if (item.kind === 'insn' && item.onFault)
      exceptionTable.push({ offset: starts[i]!, resume: starts[i + 1]!, zero: item.onFault.zero });
  }
  const listing = () => listRows(items, starts, settled);
  return { bytes, relocations, exceptionTable, addrs, passes: settled.passes, listing };
}

/** Pieces are a few bytes each: a loop is faster than a view and a native copy. */
function copy(from: Uint8Array, start: number, end: number, to: Uint8Array, shift: number): void {
  for (let i = start; i < end; i++) to[i + shift] = from[i]!;
}

function writeRelative(view: DataView, place: number, size: number, value: number): void {
  if (size === 4) view.setInt32(place, value, true);
  else if (value >= -128 && value <= 127) view.setInt8(place, value);
  else throw new RangeError(`a short jump over ${value} bytes`);
}

/** Writes padding and jump. @returns the offset behind them */
function writeJump(jump: BpfJump, settled: Settled, bytes: Uint8Array, view: DataView, start: number): number {
  const { pc } = jump.site;
  let at = start;
  for (const nop of nops(settled.padding[pc]!)) for (const byte of FORMS[nop].opcode) bytes[at++] = byte;
  const size = settled.jumpSize[pc]!;
  if (size === 0) return at;
  const width = size === 2 ? 1 : 4;
  for (const byte of FORMS[jumpForm(jump, size)].opcode) bytes[at++] = byte;
  at += width;
  writeRelative(view, at - width, width, settled.addrs[jump.target]! - at);
  return at;
}

function listRows(items: readonly StreamItem[], starts: Int32Array, settled: Settled): ListingRow[] {
  const rows: ListingRow[] = [];
  for (let i = 0; i < items.length; i++) {
    const item = items[i]!;
    const [offset, end] = [starts[i]!, starts[i + 1]!];
    if (item.kind === 'insn') rows.push({ offset, size: end - offset, insn: item });
    else if (item.kind === 'jump') {
      const [first, second] = settledJump(item, settled);
      const padding = settled.padding[item.site.pc]!;
      if (first) rows.push({ offset, size: second ? padding : end - offset, insn: first });
      if (second) rows.push({ offset: offset + padding, size: end - offset - padding, insn: second });
    }
  }
  return rows;
}
