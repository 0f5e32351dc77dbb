import { parseHex, toHex } from './hex';
import { type Insn, isLdImm64, slots } from './insn';
import { BPF_DW, BPF_IMM, BPF_LD } from './opcodes';
import { printInsn } from './print';

/** What is wrong in a sequence of encoded instructions. */
export interface WireError {
  /** Slot of 8 bytes. */
  readonly index: number;
  /** The instruction, or its bytes where they are none. */
  readonly text: string;
  readonly message: string;
}

export type InsnsResult =
  | { readonly ok: true; readonly insns: readonly Insn[] }
  | { readonly ok: false; readonly errors: readonly WireError[] };

const SLOT = 8;
const IMM64 = BPF_LD | BPF_IMM | BPF_DW;

/**
 * Instructions from the wire form, field for field and without giving calls or addresses another meaning
 * (RFC 9669 section 3, little endian):
 *
 *       0        1          2       4            8
 *     +--------+----+----+---------+------------+
 *     | opcode |dst |src |  offset |  immediate |    dst is the low half of its byte
 *     +--------+----+----+---------+------------+
 *
 * The second slot of ld_imm64 has only an immediate, which is the upper half of `imm64`; `imm` is then 0.
 *
 * @param input bytes, or the hexadecimal digits of each slot.
 * @returns an error where the bytes end inside an instruction or a second slot has other fields.
 */
export function decodeInsns(input: Uint8Array | readonly string[]): InsnsResult {
  if (!(input instanceof Uint8Array)) {
    const hex = parseHex(input.join(''));
    return hex.ok ? decodeInsns(hex.bytes) : { ok: false, errors: [hex.error] };
  }
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  const count = Math.floor(input.length / SLOT);
  const insns: Insn[] = [];
  const errors: WireError[] = [];
  for (let index = 0; index < count; index++) {
    const at = index * SLOT;
    const code = input[at]!;
    const dst = input[at + 1]! & 0xf;
    const src = input[at + 1]! >> 4;
    const off = view.getInt16(at + 2, true);
    const imm = view.getInt32(at + 4, true);
    if (code !== IMM64) {
      insns.push({ code, dst, src, off, imm });
      continue;
    }
    index++;
    const second = at + SLOT;
    if (index === count) {
      errors.push({
        index: index - 1,
        text: toHex(input.subarray(at)),
        message: 'the second half of ld_imm64 is missing',
      });
      break;
    }
    const imm64 = (BigInt(view.getUint32(second + 4, true)) << 32n) | BigInt(imm >>> 0);
    const insn = { code, dst, src, off, imm: 0, imm64 };
    insns.push(insn);
    if (view.getUint32(second, true) !== 0)
      errors.push({
        index,
        text: printInsn(insn),
        message: 'reserved fields in the second half of ld_imm64 are not zero',
      });
  }
  const rest = input.length % SLOT;
  if (rest !== 0)
    errors.push({
      index: count,
      text: toHex(input.subarray(count * SLOT)),
      message: `the last instruction has ${rest} of ${SLOT} bytes`,
    });
  return errors.length > 0 ? { ok: false, errors } : { ok: true, insns };
}

/** The wire form of instructions, field for field: the inverse of {@link decodeInsns}. */
export function encodeInsns(insns: readonly Insn[]): Uint8Array {
  let count = 0;
  for (const insn of insns) count += slots(insn);
  const bytes = new Uint8Array(count * SLOT);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const insn of insns) {
    const wide = isLdImm64(insn);
    const imm64 = wide ? (insn.imm64 ?? 0n) : 0n;
    bytes[at] = insn.code;
    bytes[at + 1] = (insn.src << 4) | insn.dst;
    view.setInt16(at + 2, insn.off, true);
    view.setInt32(at + 4, wide ? Number(BigInt.asIntN(32, imm64)) : insn.imm, true);
    if (wide) view.setInt32(at + SLOT + 4, Number(BigInt.asIntN(32, imm64 >> 32n)), true);
    at += wide ? 2 * SLOT : SLOT;
  }
  return bytes;
}
