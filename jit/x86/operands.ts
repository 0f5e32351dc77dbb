import type { Reg } from './registers';

/**
 * Operands carry their width, so that the assembler never chooses an encoding: whoever picks `imm8` over `imm32`
 * has made the choice.
 */
export type Operand = Reg | Imm | Imm64 | Mem | GsMem | Rel;

export interface Imm {
  readonly kind: 'imm';
  readonly width: 8 | 16 | 32;
  /** Signed or unsigned; the low `width` bits are encoded. */
  readonly value: number;
  /** Names the address that the value is, if it is one: it becomes a relocation. */
  readonly symbol?: SymbolRef | undefined;
}

export interface Imm64 {
  readonly kind: 'imm64';
  readonly value: bigint;
  readonly symbol?: SymbolRef;
}

/** `[base + index*scale + disp]`. */
export interface Mem {
  readonly kind: 'mem';
  readonly base: number;
  readonly index: number | null;
  readonly scale: 1 | 2 | 4 | 8;
  readonly disp: number;
  /** 0 writes no displacement at all: not possible with rbp or r13 as base (SDM vol. 2, table 2-2). */
  readonly dispWidth: 0 | 8 | 32;
}

/** `gs:[disp32]`: an absolute, sign-extended address relative to the GS base. */
export interface GsMem {
  readonly kind: 'gs';
  readonly disp: number;
  readonly symbol?: SymbolRef;
}

/** A branch target: a label of the same instruction stream, or an address known only when the image is linked. */
export interface Rel {
  readonly kind: 'rel';
  readonly width: 8 | 32;
  readonly target: LocalLabel | SymbolRef;
}

/** A place inside the machine code of one BPF instruction. */
export class LocalLabel {
  readonly kind = 'label';
}

/** An address outside the function that is being emitted. */
export interface SymbolRef {
  readonly kind: 'subprog' | 'helper' | 'kfunc' | 'kernel' | 'percpu' | 'private-frame' | 'map' | 'image';
  readonly name: string;
  /** The address, where it is known before the image is placed. */
  readonly address?: bigint;
  /** Subprog index, for kind `subprog`; slot number, for kind `image`. */
  readonly index?: number;
  /** Bytes from what has the name to what is meant; 0 where it is left out. */
  readonly addend?: number;
}

// All immediates have one constructor, and all memory operands: literals here and there, some with a symbol or an index
// and some without, are objects of several shapes, or such that V8 has to migrate one by one when they are first read
// (with them, compiling took more than twice as long).
class Immediate implements Imm {
  readonly kind = 'imm';
  constructor(
    readonly width: 8 | 16 | 32,
    readonly value: number,
    readonly symbol: SymbolRef | undefined,
  ) {}
}

/** Most operands are among them, and nobody changes one. */
const BYTES: readonly Imm[] = Array.from({ length: 384 }, (_, i) => new Immediate(8, i - 128, undefined));

export const imm8 = (value: number): Imm => BYTES[value + 128] ?? new Immediate(8, value, undefined);
export const imm16 = (value: number): Imm => new Immediate(16, value, undefined);
export const imm32 = (value: number, symbol?: SymbolRef): Imm => new Immediate(32, value, symbol);
export const imm64 = (value: bigint, symbol?: SymbolRef): Imm64 =>
  symbol === undefined ? { kind: 'imm64', value } : { kind: 'imm64', value, symbol };

class Memory implements Mem {
  readonly kind = 'mem';
  constructor(
    readonly base: number,
    readonly index: number | null,
    readonly scale: 1 | 2 | 4 | 8,
    readonly disp: number,
    readonly dispWidth: 0 | 8 | 32,
  ) {}
}

/** `[base]` without displacement. */
export const mem0 = (base: number): Mem => new Memory(base, null, 1, 0, 0);
export const memDisp8 = (base: number, disp: number): Mem => new Memory(base, null, 1, disp, 8);
export const memDisp32 = (base: number, disp: number): Mem => new Memory(base, null, 1, disp, 32);
/** `[base + index*scale + disp]`. */
export const memIndex = (base: number, index: number, scale: 1 | 2 | 4 | 8, disp: number, dispWidth: 8 | 32): Mem =>
  new Memory(base, index, scale, disp, dispWidth);
export const gs = (disp: number, symbol?: SymbolRef): GsMem =>
  symbol === undefined ? { kind: 'gs', disp } : { kind: 'gs', disp, symbol };

export const rel8 = (target: LocalLabel): Rel => ({ kind: 'rel', width: 8, target });
export const rel32 = (target: LocalLabel | SymbolRef): Rel => ({ kind: 'rel', width: 32, target });

export const isImm8 = (value: number): boolean => value >= -128 && value <= 127;
