import type { Decoded } from '../../capture/decode';

/** A function of an image, decoded: what its instructions are, and where BPF instructions begin. */
export interface ImageFunction {
  readonly name: string;
  readonly address: bigint;
  readonly bytes: Uint8Array;
  readonly rows: readonly Decoded[];
  /** Slot and offset of each BPF instruction. */
  readonly lines: readonly (readonly [slot: number, offset: number])[];
}

/** An instruction in a new order: one of the function's, or nothing instead of it. */
export interface Slot {
  /** Index among the function's instructions. */
  readonly row: number;
  readonly nop?: true;
}

/** A function whose instructions stand in another order. */
export interface NewLayout {
  readonly bytes: Uint8Array;
  readonly lines: ImageFunction['lines'];
}

/** Why instructions cannot be moved. */
export type Unmovable = 'a short jump does not reach' | 'an operand is relative to rip' | 'no room behind the function';

/** `nop` of a length, one instruction: prefixes before the long form (SDM vol. 2, NOP). */
export function nop(size: number): Uint8Array {
  const forms = [
    '90',
    '6690',
    '0f1f00',
    '0f1f4000',
    '0f1f440000',
    '660f1f440000',
    '0f1f8000000000',
    '0f1f840000000000',
  ];
  const form = Buffer.from(forms[Math.min(size, forms.length) - 1]!, 'hex');
  const bytes = new Uint8Array(size).fill(0x66);
  bytes.set(form, size - form.length);
  return bytes;
}

/** Bytes of the displacement at the end of a relative jump or call: rel8, or rel32 from five bytes on. */
const displacementBytes = ({ size }: Decoded): number => (size >= 5 ? 4 : 1);

const fits = (value: number, bytes: number): boolean => {
  const half = 2 ** (8 * bytes - 1);
  return value >= -half && value < half;
};

/**
 * The function's code with its instructions in another order. Who jumped to an instruction jumps to the place in the order
 * that it has left: what stands there now is executed.
 * @param places by index of an instruction, the place that who jumps to it goes to
 * @param room bytes that the function may have
 */
export function relayout(
  { address, bytes, rows, lines }: ImageFunction,
  slots: readonly Slot[],
  places: (row: number) => number,
  room: number,
): NewLayout | Unmovable {
  const offsets: number[] = [];
  let size = 0;
  for (const { row } of slots) {
    offsets.push(size);
    size += rows[row]!.size;
  }
  if (size > room) return 'no room behind the function';
  const rowAt = new Map(rows.map(({ offset }, i) => [offset, i]));
  const moved = (offset: number): number | undefined => {
    const row = rowAt.get(offset);
    return row === undefined ? undefined : offsets[places(row)];
  };
  const code = new Uint8Array(size);
  for (const [i, slot] of slots.entries()) {
    const row = rows[slot.row]!;
    const at = offsets[i]!;
    if (slot.nop) {
      code.set(nop(row.size), at);
      continue;
    }
    code.set(bytes.subarray(row.offset, row.offset + row.size), at);
    if (row.target === null) {
      if (at !== row.offset && row.ripRelative) return 'an operand is relative to rip';
      continue;
    }
    const inside = moved(Number(row.target - address));
    const target = inside === undefined ? Number(row.target - address) : inside;
    const width = displacementBytes(row);
    const displacement = target - (at + row.size);
    if (!fits(displacement, width)) return 'a short jump does not reach';
    const view = new DataView(code.buffer, at + row.size - width);
    if (width === 1) view.setInt8(0, displacement);
    else view.setInt32(0, displacement, true);
  }
  // The first slot begins with its function, whatever is before it.
  const newLines = lines.map(([slot, offset]) => [slot, offset === 0 ? 0 : (moved(offset) ?? offset)] as const);
  return { bytes: code, lines: newLines };
}
