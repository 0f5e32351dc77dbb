import { type CodeBuffer, encode, type Fixup } from '../x86/encode';
import { FORMS, type Form } from '../x86/forms';
import { nops } from '../x86/nops';
import { LocalLabel, rel8, rel32, type SymbolRef } from '../x86/operands';
import { int32Array, uint8Array } from './arrays';
import { CONDITIONS, type Condition } from './conditions';
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

/**
 * The machine code of a stream before jumps have their place: each item's bytes, one after the other.
 *
 * There is one, for all subprogs: a typed array costs more to allocate than most subprogs take to fill it. Nothing of it
 * outlives a call of {@link layOut}.
 */
class Pieces implements CodeBuffer {
  bytes = new Uint8Array(4096);
  length = 0;
  /** Where each item's bytes start in `bytes`, and where the last one's end; jumps and labels have none. */
  starts = new Int32Array(1024);
  fixups: Fixup[] = [];
  /** The item of each fixup. */
  owners: number[] = [];
  labels = new Map<LocalLabel, number>();
  /** Items that may fault. */
  faulting: number[] = [];
  private item = 0;

  fixup(fixup: Fixup): void {
    this.fixups.push(fixup);
    this.owners.push(this.item);
  }

  fill(items: readonly StreamItem[], rework: LayoutOptions['bytes']): void {
    this.length = 0;
    this.fixups = [];
    this.owners = [];
    this.faulting = [];
    if (this.labels.size > 0) this.labels = new Map();
    if (this.starts.length <= items.length) this.starts = new Int32Array(items.length * 2);
    const { starts } = this;
    for (let i = 0; i < items.length; i++) {
      const item = items[i]!;
      this.item = i;
      starts[i] = this.length;
      if (item.kind === 'insn') {
        encode(item.form, item.operands, this);
        if (rework !== undefined) this.replaceLast(rework, item);
        if (item.onFault !== null) this.faulting.push(i);
      } else if (item.kind === 'label') this.labels.set(item.label, this.length);
    }
    starts[items.length] = this.length;
  }

  /** Other bytes for the instruction that was encoded last. What a linker fills in stays at its end. */
  private replaceLast(rework: NonNullable<LayoutOptions['bytes']>, insn: MachineInsn): void {
    const start = this.starts[this.item]!;
    const before = this.bytes.slice(start, this.length);
    const after = rework(before, insn);
    if (after === before) return;
    const by = after.length - before.length;
    for (let i = 0; i < after.length; i++) this.bytes[start + i] = after[i]!;
    this.length += by;
    this.fixups.forEach((fixup, i) => {
      if (this.owners[i] === this.item) this.fixups[i] = { ...fixup, offset: fixup.offset + by };
    });
  }
}

const PIECES = new Pieces();

function jumpKind(jump: BpfJump): JumpKind {
  if (jump.condition !== 'jmp') return JumpKind.conditional;
  return jump.elide ? JumpKind.elidable : JumpKind.always;
}

/** What sizes are measured in: nothing of it outlives a call of {@link layOut} either. */
class Sizes {
  private fixed = new Int32Array(0);
  private jump = new Uint8Array(0);
  private target = new Int32Array(0);

  of(slots: number): Omit<SlotSizes, 'prologue'> {
    if (slots > this.jump.length) {
      const room = Math.max(slots, 2 * this.jump.length, 256);
      this.fixed = new Int32Array(room);
      this.jump = new Uint8Array(room);
      this.target = new Int32Array(room);
    }
    this.fixed.fill(0, 0, slots);
    this.jump.fill(JumpKind.none, 0, slots);
    return { slots, fixed: this.fixed, jump: this.jump, target: this.target };
  }
}

const SIZES = new Sizes();

function measure(items: readonly StreamItem[], starts: Int32Array, slots: number): SlotSizes {
  const { fixed, jump, target } = SIZES.of(slots);
  let prologue = 0;
  for (let i = 0; i < items.length; i++) {
    const item = items[i]!;
    const { pc } = item.site;
    const size = starts[i + 1]! - starts[i]!;
    if (pc === PROLOGUE_PC) prologue += size;
    else fixed[pc] = fixed[pc]! + size;
    if (item.kind !== 'jump') continue;
    if (jump[pc] !== JumpKind.none) throw new RangeError(`two jumps at pc ${pc}`);
    jump[pc] = jumpKind(item);
    target[pc] = item.target;
  }
  return { slots, prologue, fixed, jump, target };
}

function jumpForms(width: 'rel8' | 'rel32'): Readonly<Record<Condition, Form>> {
  const conditions: readonly Condition[] = ['jmp', ...Object.values(CONDITIONS)];
  return Object.fromEntries(conditions.map((condition) => [condition, FORMS[`${condition} ${width}`]])) as never;
}

const SHORT_JUMPS = jumpForms('rel8');
const LONG_JUMPS = jumpForms('rel32');

const jumpForm = (jump: BpfJump, bytes: number): Form => (bytes === 2 ? SHORT_JUMPS : LONG_JUMPS)[jump.condition];

/** What stands for a jump once sizes are settled: nothing, or nops and the jump. */
function settledJump(jump: BpfJump, settled: Settled): MachineInsn[] {
  const { site } = jump;
  const padding = settled.padding[site.pc]!;
  const bytes = settled.jumpSize[site.pc]!;
  const insns: MachineInsn[] = [];
  for (const nop of nops(padding)) {
    insns.push({ kind: 'insn', form: FORMS[nop], operands: [], site: { ...site, role: 'padding' }, onFault: null });
  }
  if (bytes > 0) {
    const target = { kind: 'image', name: `pc ${jump.target}`, index: jump.target } as const;
    const operand = bytes === 2 ? { ...rel8(NOWHERE), target } : rel32(target);
    insns.push({ kind: 'insn', form: jumpForm(jump, bytes), operands: [operand], site, onFault: null });
  }
  return insns;
}

const NOWHERE = new LocalLabel();

/** How a stream gets its bytes: as the pass loop says, and with other bytes for some of its instructions. */
export interface LayoutOptions extends PassOptions {
  /**
   * The bytes to take for an instruction instead of its own: the same ones, or others, a few bytes longer at most. A jump
   * comes when all sizes are settled, nops in front of it included: it has to stay as long as it is.
   */
  readonly bytes?: ((bytes: Uint8Array, insn: MachineInsn | BpfJump) => Uint8Array) | undefined;
}

/**
 * Gives a stream its bytes.
 * @param slots slots of the BPF program
 * @throws RangeError when jumps do not settle
 */
export function layOut(items: readonly StreamItem[], slots: number, options: LayoutOptions): CodeLayout {
  const pieces = PIECES;
  pieces.fill(items, options.bytes);
  const { starts: from, fixups, owners } = pieces;
  const settled = settle(measure(items, from, slots), options);
  const { addrs } = settled;
  const bytes = uint8Array(addrs[slots]!);
  // Everything between two jumps stays together.
  const starts = int32Array(items.length + 1);
  let shift = 0;
  let copied = 0;
  for (let i = 0; i < items.length; i++) {
    const item = items[i]!;
    const start = from[i]!;
    starts[i] = start + shift;
    if (item.kind !== 'jump') continue;
    copy(pieces.bytes, copied, start, bytes, shift);
    copied = start;
    const end = writeJump(item, settled, bytes, start + shift);
    if (options.bytes !== undefined) bytes.set(options.bytes(bytes.slice(start + shift, end), item), start + shift);
    shift = end - start;
  }
  copy(pieces.bytes, copied, pieces.length, bytes, shift);
  starts[items.length] = pieces.length + shift;
  const relocations: Relocation[] = [];
  for (let i = 0; i < fixups.length; i++) {
    const { offset, size, kind, target } = fixups[i]!;
    const owner = owners[i]!;
    const place = starts[owner]! + offset;
    if (target.kind === 'label') {
      const label = pieces.labels.get(target);
      if (label === undefined) throw new RangeError('a local label was never bound');
      writeRelative(bytes, place, size, label + starts[owner]! - from[owner]! - (place + size));
    } else relocations.push({ offset: place, size, kind, symbol: target });
  }
  const exceptionTable = pieces.faulting.map((i): ExceptionEntry => {
    const { onFault } = items[i] as MachineInsn;
    return { offset: starts[i]!, resume: starts[i + 1]!, zero: onFault!.zero };
  });
  return {
    bytes,
    relocations,
    exceptionTable,
    addrs,
    passes: settled.passes,
    listing() {
      return listRows(items, starts, settled);
    },
  };
}

/** Pieces are a few bytes each: a loop is faster than a view and a native copy. */
function copy(from: Uint8Array, start: number, end: number, to: Uint8Array, shift: number): void {
  for (let i = start; i < end; i++) to[i + shift] = from[i]!;
}

function writeRelative(bytes: Uint8Array, place: number, size: number, value: number): void {
  if (size === 1 && (value < -128 || value > 127)) throw new RangeError(`a short jump over ${value} bytes`);
  for (let i = 0; i < size; i++) bytes[place + i] = value >> (i * 8);
}

/** Writes padding and jump. @returns the offset behind them */
function writeJump(jump: BpfJump, settled: Settled, bytes: Uint8Array, start: number): number {
  const { pc } = jump.site;
  let at = start;
  const padding = settled.padding[pc]!;
  if (padding > 0) for (const nop of nops(padding)) for (const byte of FORMS[nop].opcode) bytes[at++] = byte;
  const size = settled.jumpSize[pc]!;
  if (size === 0) return at;
  const width = size === 2 ? 1 : 4;
  for (const byte of jumpForm(jump, size).opcode) bytes[at++] = byte;
  at += width;
  writeRelative(bytes, at - width, width, settled.addrs[jump.target]! - at);
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
