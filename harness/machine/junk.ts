/** Values that nobody expects, the same ones for the same seed. */

// Bound once: looking up a global takes long inside a test's sandbox.
const { imul } = Math;

/** Mixes 32 bits (the finaliser of MurmurHash3). */
function mix(value: number): number {
  let x = value | 0;
  x = imul(x ^ (x >>> 16), 0x85ebca6b);
  x = imul(x ^ (x >>> 13), 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
}

function hash(seed: number, label: string): number {
  let h = mix(seed);
  for (let i = 0; i < label.length; i++) h = mix(h ^ label.charCodeAt(i)) + 0x9e3779b9;
  return h >>> 0;
}

/** 64 bits for a label. Never a canonical address: whoever uses it as a pointer is found out. */
export function junk(seed: number, label: string): bigint {
  const high = (hash(seed, `${label}/high`) & 0x7fff_ffff) | 0x4000_0000;
  return (BigInt(high) << 32n) | BigInt((hash(seed, `${label}/low`) | 1) >>> 0);
}

/** Fills memory; `bytes` must start at a multiple of 4. */
export function fillJunk(bytes: Uint8Array, seed: number, label: string): void {
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
  let state = hash(seed, label) | 1;
  for (let i = 0; i < words.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[i] = state;
  }
}
