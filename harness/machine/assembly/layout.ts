import { distance } from './branches';
import type { AssemblyError } from './errors';
import { fits32, type LabelUse } from './operands';
import type { BranchPiece, FixedPiece, Piece } from './piece';

/** The addresses of a body's pieces and labels. */
export interface Layout {
  /** One more than there are pieces: the last is the end. */
  readonly addresses: readonly bigint[];
  /** Branches that got their long form. */
  readonly near: ReadonlySet<number>;
}

/** Labels by name, to the piece that they stand before. */
export type Labels = ReadonlyMap<string, number>;

const HALF = 128n;

/** Every branch starts short and grows when its target is too far, until nothing changes; growing only, so it ends. */
export function layOut(pieces: readonly Piece[], labels: Labels, start: bigint): Layout {
  const near = new Set<number>();
  for (const [at, piece] of pieces.entries())
    if (piece.kind === 'branch' && piece.forms.short === undefined) near.add(at);
  for (;;) {
    const layout = { addresses: addressesOf(pieces, near, start), near };
    const far = pieces.flatMap((piece, at) => {
      if (piece.kind !== 'branch' || near.has(at) || piece.short || piece.forms.near === undefined) return [];
      return reachesShort(branchDistance(piece, at, layout, labels)) ? [] : [at];
    });
    if (far.length === 0) return layout;
    for (const at of far) near.add(at);
  }
}

function addressesOf(pieces: readonly Piece[], near: ReadonlySet<number>, start: bigint): bigint[] {
  const addresses = [start];
  for (const [at, piece] of pieces.entries()) addresses.push(addresses[at]! + BigInt(sizeOf(piece, near.has(at))));
  return addresses;
}

function sizeOf(piece: Piece, near: boolean): number {
  if (piece.kind === 'fixed') return piece.bytes.length;
  if (piece.kind === 'data') return piece.data.values.length * piece.data.width;
  return near ? piece.forms.near!.length + 4 : piece.forms.short!.length + 1;
}

function reachesShort(value: bigint): boolean {
  return value >= -HALF && value < HALF;
}

function branchDistance(piece: BranchPiece, at: number, layout: Layout, labels: Labels): bigint {
  const target = addressOf(piece.target.label, piece.target.value, at, layout, labels);
  return distance(layout.addresses[at]!, sizeOf(piece, layout.near.has(at)), target);
}

/** A label's address and a number on top, as 64 bits. */
export function addressOf(
  label: LabelUse | undefined,
  value: bigint,
  at: number,
  { addresses }: Layout,
  labels: Labels,
): bigint {
  if (label === undefined) return BigInt.asUintN(64, value);
  return BigInt.asUintN(64, addresses[label.name === '$' ? at : labels.get(label.name)!]! + value);
}

/** A piece's bytes at its place; or why it cannot stand there. */
export function bytesOf(
  piece: Piece,
  at: number,
  layout: Layout,
  labels: Labels,
): Uint8Array | Pick<AssemblyError, 'column' | 'message'> {
  if (piece.kind === 'fixed') return fixedBytes(piece, at, layout, labels);
  if (piece.kind === 'branch') return branchBytes(piece, at, layout, labels);
  const { values, width } = piece.data;
  const bytes = new Uint8Array(values.length * width);
  for (const [index, { label, value }] of values.entries()) {
    write(bytes, index * width, width, label === undefined ? value : addressOf(label, value, at, layout, labels));
  }
  return bytes;
}

function fixedBytes(piece: FixedPiece, at: number, layout: Layout, labels: Labels) {
  const { fixup } = piece;
  if (fixup === undefined) return piece.bytes;
  const bytes = Uint8Array.from(piece.bytes);
  if (fixup.kind === 'address') {
    write(bytes, fixup.at, 8, addressOf(fixup.operand.label, fixup.operand.value, at, layout, labels));
    return bytes;
  }
  const { label, displacement, column } = fixup.operand;
  const target = addressOf(label, displacement, at, layout, labels);
  const value = label === undefined ? displacement : distance(layout.addresses[at]!, bytes.length, target);
  if (!fits32(value)) return { column, message: 'the address is out of reach of a 32-bit displacement' };
  write(bytes, fixup.at, 4, value);
  return bytes;
}

function branchBytes(piece: BranchPiece, at: number, layout: Layout, labels: Labels) {
  const near = layout.near.has(at);
  const opcode = near ? piece.forms.near! : piece.forms.short!;
  const value = branchDistance(piece, at, layout, labels);
  const { column } = piece.target;
  if (near ? !fits32(value) : !reachesShort(value)) {
    return {
      column,
      message: `the target is out of reach: ${value} bytes away, this branch has ${near ? 32 : 8} bits`,
    };
  }
  const bytes = Uint8Array.from([...opcode, ...(near ? [0, 0, 0, 0] : [0])]);
  write(bytes, opcode.length, near ? 4 : 1, value);
  return bytes;
}

function write(bytes: Uint8Array, at: number, width: number, value: bigint): void {
  for (let byte = 0; byte < width; byte++) bytes[at + byte] = Number(BigInt.asUintN(8, value >> BigInt(byte * 8)));
}
