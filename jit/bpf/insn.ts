import { BPF_ALU, BPF_ALU64, BPF_DW, BPF_IMM, BPF_JMP, BPF_JMP32, BPF_LD } from './opcodes';

/**
 * One eBPF instruction as a value, with the fields of the wire form (RFC 9669 section 3).
 *
 * `ld_imm64` is one value of two slots. A *pc* counts slots, as the kernel does, and so do jump offsets.
 */
export interface Insn {
  /** Opcode byte. */
  readonly code: number;
  /** Destination register, 0..11. */
  readonly dst: number;
  /** Source register, or the pseudo kind of a call or ld_imm64. */
  readonly src: number;
  /** Signed 16-bit offset. */
  readonly off: number;
  /**
   * Signed 32-bit immediate. Inside a {@link Program} a subprog call holds the callee's index here;
   * a helper call the helper's id; a kfunc call the kfunc's index in the program's table of kfunc names.
   */
  readonly imm: number;
  /**
   * Only of ld_imm64: the whole 64-bit immediate, unsigned; `imm` is then 0. Inside a {@link Program}: src 4 (callback) holds the
   * subprog's index, src 1 (map) the map's index, src 2 (map value) the map's index and, in the upper half, the offset.
   */
  readonly imm64?: bigint;
}

/** An instruction of one slot. Made here all are of one shape, and reading their fields stays cheap wherever they meet. */
export const insnOf = (code: number, dst: number, src: number, off: number, imm: number): Insn => ({
  code,
  dst,
  src,
  off,
  imm,
});

/** The same instruction with another offset. */
export const withOff = ({ code, dst, src, imm, imm64 }: Insn, off: number): Insn =>
  imm64 === undefined ? insnOf(code, dst, src, off, imm) : { code, dst, src, off, imm, imm64 };

/** The same instruction with another immediate. */
export const withImm = ({ code, dst, src, off, imm64 }: Insn, imm: number): Insn =>
  imm64 === undefined ? insnOf(code, dst, src, off, imm) : { code, dst, src, off, imm, imm64 };

export const insnClass = (insn: Insn): number => insn.code & 0x07;
export const aluOp = (insn: Insn): number => insn.code & 0xf0;
export const insnSize = (insn: Insn): number => insn.code & 0x18;
export const insnMode = (insn: Insn): number => insn.code & 0xe0;

export const isLdImm64 = (insn: Pick<Insn, 'code'>): boolean => insn.code === (BPF_LD | BPF_IMM | BPF_DW);
export const isAlu = (insn: Insn): boolean => insnClass(insn) === BPF_ALU || insnClass(insn) === BPF_ALU64;
export const isJmp = (insn: Insn): boolean => insnClass(insn) === BPF_JMP || insnClass(insn) === BPF_JMP32;

/** Slots that an instruction takes: 2 for ld_imm64, 1 for all others. */
export const slots = (insn: Pick<Insn, 'code'>): 1 | 2 => (isLdImm64(insn) ? 2 : 1);

/** Bytes that a load, store or atomic instruction touches. */
export function accessBytes(insn: Insn): 1 | 2 | 4 | 8 {
  const bytes = [4, 2, 1, 8] as const;
  return bytes[insnSize(insn) >> 3]!;
}
