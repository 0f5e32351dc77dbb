import { around } from './disassemble';
import { privateFramePointer } from './private-frame';
import type { KernelImage } from './read-image';

/** A place in a function's bytes that depends on addresses. */
export interface Reloc {
  readonly off: number;
  readonly size: number;
  readonly kind: string;
  readonly target: string;
}

/** What our JIT made of a program. */
export interface OurImage {
  /** Hex, by function. */
  readonly funcs: readonly string[];
  readonly relocs: readonly (readonly Reloc[])[];
  readonly analysis: readonly { readonly stackDepth: number; readonly isPrivate: boolean }[];
}

export interface Difference {
  readonly fn: number;
  readonly what: 'functions' | 'depth' | 'private' | 'bytes';
  /** Into the function's bytes. */
  readonly offset?: number;
  readonly want: string;
  readonly got: string;
}

/** Bytes with the relocations overwritten, but for those to addresses that both sides know. */
export function masked(bytes: Uint8Array, relocs: readonly Reloc[], known: readonly bigint[] = []): Uint8Array {
  const copy = Uint8Array.from(bytes);
  for (const { off, size, kind, target } of relocs) {
    if (kind !== 'percpu_priv_frame' && !known.includes(BigInt(target))) copy.fill(0, off, off + size);
  }
  return copy;
}

/** Where bytes first differ, -1 when they do not. */
export function firstDifference(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) if (a[i] !== b[i]) return i;
  return -1;
}

const aligned = (depth: number): number => Math.ceil(depth / 8) * 8;

/**
 * Everything in which our image of a program is not the kernel's. `depths` is what its verifier says of frames, `symbols`
 * are addresses of the kernel that ours was told.
 */
export function differences(
  ours: OurImage,
  kernel: KernelImage,
  depths: readonly number[],
  symbols: readonly bigint[],
): Difference[] {
  const { functions, ksyms } = kernel;
  const known = [...ksyms, ...symbols];
  if (functions.length !== ours.funcs.length) {
    return [{ fn: 0, what: 'functions', want: String(functions.length), got: String(ours.funcs.length) }];
  }
  return functions.flatMap((want, fn) => {
    const found: Difference[] = [];
    const facts = ours.analysis[fn]!;
    const depth = aligned(depths[fn] ?? 0);
    const decided = aligned(facts.stackDepth);
    if (depths.length > 0 && depth !== decided) {
      found.push({ fn, what: 'depth', want: `${depth} bytes`, got: `${decided} bytes` });
    }
    const isPrivate = privateFramePointer(want) !== null;
    if (isPrivate !== facts.isPrivate) {
      found.push({ fn, what: 'private', want: String(isPrivate), got: String(facts.isPrivate) });
    }
    const got = Uint8Array.from(Buffer.from(ours.funcs[fn]!, 'hex'));
    const relocs = ours.relocs[fn]!;
    const offset = firstDifference(masked(want, relocs, known), masked(got, relocs, known));
    if (offset >= 0) {
      const show = (bytes: Uint8Array) => around(bytes, ksyms[fn]!, offset);
      found.push({ fn, what: 'bytes', offset, want: show(want), got: show(got) });
    }
    return found;
  });
}

/** An instruction as far as it tells rewrites apart. */
export interface Opcode {
  readonly code: number;
  readonly imm: number;
}

const MOV_32 = 0xbc;

/** `w0 = w0` of the verifier's own, which zero-extends: a program's own moves have no immediate. */
const extends0 = ({ code, imm }: Opcode): boolean => code === MOV_32 && imm === 1;

const same = (a: Opcode, b: Opcode | undefined): boolean =>
  b !== undefined && a.code === b.code && extends0(a) === extends0(b);

function opcodesOf(xlated: Uint8Array): Opcode[] {
  const fields = new DataView(xlated.buffer, xlated.byteOffset, xlated.byteLength);
  const at = Array.from({ length: xlated.length / 8 }, (_, i) => 8 * i);
  return at.map((offset) => ({ code: fields.getUint8(offset), imm: fields.getInt32(offset + 4, true) }));
}

/**
 * Why images cannot be compared, from the instructions that the two JITs were handed: the verifier left out some of those
 * that we think it hands on. Null when it did not, or when it has others.
 */
export function incomparable(ours: readonly Opcode[], xlated: Uint8Array): string | null {
  const theirs = opcodesOf(xlated);
  const missing: number[] = [];
  let next = 0;
  ours.forEach((each, at) => {
    if (same(each, theirs[next])) next++;
    else missing.push(at);
  });
  if (missing.length === 0 || next !== theirs.length) return null;
  const where = `slot ${missing[0]} of our rewrite`;
  if (missing.every((at) => extends0(ours[at]!))) return `r0 is not extended after a 32-bit cmpxchg, ${where}`;
  return `the verifier removed ${missing.length} dead instructions, ${where}`;
}
