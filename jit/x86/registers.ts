/** Width of an operand in bits. */
export type Width = 8 | 16 | 32 | 64;

/** A general-purpose register at one width. Registers are interned: compare them with `===`. */
export interface Reg {
  readonly kind: 'reg';
  /** Hardware number, 0..15 (Intel SDM vol. 2, table 3-1). */
  readonly num: number;
  readonly width: Width;
  readonly name: string;
}

const LEGACY = ['ax', 'cx', 'dx', 'bx', 'sp', 'bp', 'si', 'di'] as const;
const LEGACY8 = ['al', 'cl', 'dl', 'bl', 'spl', 'bpl', 'sil', 'dil'] as const;

/** Intel name of register `num` at `width`. */
function nameOf(num: number, width: Width): string {
  if (num >= 8) return `r${num}${{ 8: 'b', 16: 'w', 32: 'd', 64: '' }[width]}`;
  if (width === 8) return LEGACY8[num]!;
  return { 16: '', 32: 'e', 64: 'r' }[width] + LEGACY[num]!;
}

function bank(width: Width): readonly Reg[] {
  return Array.from({ length: 16 }, (_, num) => ({ kind: 'reg', num, width, name: nameOf(num, width) }));
}

const BANK64 = bank(64);
const BANK32 = bank(32);
const BANK16 = bank(16);
const BANK8 = bank(8);

/** Register `num` as seen at each width. */
export const r64 = (num: number): Reg => BANK64[num]!;
export const r32 = (num: number): Reg => BANK32[num]!;
export const r16 = (num: number): Reg => BANK16[num]!;
export const r8 = (num: number): Reg => BANK8[num]!;

/** Hardware numbers by 64-bit name. */
export const Gpr = {
  rax: 0,
  rcx: 1,
  rdx: 2,
  rbx: 3,
  rsp: 4,
  rbp: 5,
  rsi: 6,
  rdi: 7,
  r8: 8,
  r9: 9,
  r10: 10,
  r11: 11,
  r12: 12,
  r13: 13,
  r14: 14,
  r15: 15,
} as const;

export type GprName = keyof typeof Gpr;

/** 64-bit names by hardware number. */
export const GPR_NAMES = Object.keys(Gpr) as readonly GprName[];
