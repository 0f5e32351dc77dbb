import { BPF_PSEUDO_FUNC, BPF_PSEUDO_MAP_FD, BPF_PSEUDO_MAP_VALUE, Gpr } from '../../jit';
import type { CaptureReloc } from './capture';
import type { Decoded } from './decode';

/** What is known of a function whose relocations are looked for. */
export interface RelocSource {
  readonly rows: readonly Decoded[];
  readonly address: bigint;
  readonly size: number;
  /** Of the BPF instruction that a row belongs to: what it loads an address of, if it does (BPF_PSEUDO_*). */
  pseudo(offset: number): number | undefined;
  /** Name of a kernel symbol or function of the program. */
  symbol(address: bigint): string | undefined;
}

const hex = (value: bigint): string => `0x${value.toString(16).padStart(16, '0')}`;

/** Addresses of what a kernel has allocated: in the direct map or the vmalloc area. */
const isObject = (value: bigint): boolean => value >= 0xffff888000000000n && value < 0xffffea0000000000n;

function relocOf(row: Decoded, source: RelocSource): CaptureReloc | null {
  const { offset, size, target, gs, constant, flow } = row;
  const named = (kind: string, bytes: number, to: bigint, unknown?: string): CaptureReloc => {
    const sym = source.symbol(to) ?? unknown;
    return { off: offset + size - bytes, size: bytes, kind, target: hex(to), ...(sym !== undefined && { sym }) };
  };
  if (target !== null) {
    const inside = target >= source.address && target < source.address + BigInt(source.size);
    if (flow === 'call') return named('call', 4, target);
    return inside ? null : named('jmp', 4, target);
  }
  if (gs !== null) return named('gs_disp32', 4, gs);
  if (!constant) return null;
  if (constant.register === Gpr.r9)
    return { off: offset + 2, size: 8, kind: 'percpu_priv_frame', target: hex(constant.value) };
  const pseudo = source.pseudo(offset);
  if (pseudo === BPF_PSEUDO_FUNC) return named('addr32s', 4, constant.value);
  const isMap = pseudo === BPF_PSEUDO_MAP_FD || pseudo === BPF_PSEUDO_MAP_VALUE;
  return size === 10 && (isMap || isObject(constant.value)) ? named('addr64', 8, constant.value, '?') : null;
}

/** The places of a function's bytes that depend on where things are, found by decoding it. */
export function relocsOf(source: RelocSource): CaptureReloc[] {
  return source.rows.flatMap((row) => relocOf(row, source) ?? []);
}
