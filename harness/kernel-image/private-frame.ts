const MOVABS_R9 = [0x49, 0xb9];
const ADD_R9_GS = [0x65, 0x4c, 0x03, 0x0c, 0x25];
/** The longest prologue before it: pushes of all registers, the tail-call counter. */
const FURTHEST = 64;

const starts = (bytes: Uint8Array, at: number, want: readonly number[]): boolean =>
  want.every((byte, i) => bytes[at + i] === byte);

/**
 * The constant that a function with a private frame loads into r9 before this CPU's offset is added; null when its frame
 * is on the kernel stack. No BPF register is r9, so that nothing else looks like it.
 */
export function privateFramePointer(bytes: Uint8Array): bigint | null {
  for (let at = 0; at < Math.min(bytes.length, FURTHEST); at++) {
    if (!starts(bytes, at, MOVABS_R9) || !starts(bytes, at + 10, ADD_R9_GS)) continue;
    return new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(at + 2, true);
  }
  return null;
}
