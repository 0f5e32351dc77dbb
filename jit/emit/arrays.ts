/**
 * Zeroed typed arrays, cut one behind the other from shared blocks, as Node does with its buffers: one with memory of
 * its own takes half a microsecond to make, and each subprog needs several. A block lives as long as what is cut from it.
 */
const BLOCK_BYTES = 65536;

let block = new ArrayBuffer(BLOCK_BYTES);
let used = 0;

/** Offset in `block` of `size` bytes that nobody has. */
function cut(size: number): number {
  if (used + size > block.byteLength) {
    block = new ArrayBuffer(Math.max(size, BLOCK_BYTES));
    used = 0;
  }
  const at = used;
  used += (size + 3) & ~3;
  return at;
}

export function int32Array(length: number): Int32Array {
  const at = cut(length * 4);
  return new Int32Array(block, at, length);
}

export function uint8Array(length: number): Uint8Array {
  const at = cut(length);
  return new Uint8Array(block, at, length);
}
