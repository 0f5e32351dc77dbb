import { BPF_ALU, BPF_ALU64, BPF_LDX, BPF_ST, BPF_STX, BPF_X, type Insn, insnClass, isLdImm64 } from '../../jit';
import { Kind } from './btf';
import type { CoreValue } from './core-value';

/** An instruction with another value, or what keeps it from having that value. */
export type Patched =
  | { readonly ok: true; readonly insn: Insn }
  | { readonly ok: false; readonly message: string; readonly poison?: boolean };

const wrong = (message: string): Patched => ({ ok: false, message });

/** Sizes of loads and stores, as the opcode has them. */
const SIZE_BITS: Readonly<Record<number, number>> = { 1: 0x10, 2: 0x08, 4: 0x00, 8: 0x18 };
const MEMORY: ReadonlySet<number> = new Set([BPF_LDX, BPF_ST, BPF_STX]);

/** Whether a load of one may be made a load of the other: both pointers, or both unsigned. */
function sizeMayChange(before: CoreValue['access'], after: CoreValue['access'], unsigned: boolean): boolean {
  if (!before || !after || before.bytes === after.bytes) return true;
  const kinds = [before.type.kind, after.type.kind];
  return kinds.every((kind) => kind === Kind.PTR) || (unsigned && kinds.every((kind) => kind === Kind.INT));
}

/**
 * Puts a value into an instruction: the immediate of arithmetic and of ld_imm64, the offset of a load or store, which
 * also gets the width of what it now accesses.
 * @param before what the relocation came to for the program's own types: what the instruction has now
 */
export function patch(insn: Insn, before: CoreValue, after: CoreValue, unsigned: boolean): Patched {
  const is = (value: bigint): boolean => before.unchecked === true || value === before.value;
  const had = `the instruction does not have the ${before.value} that its own types give`;
  const kind = insnClass(insn);
  if (isLdImm64(insn)) {
    if (!is(insn.imm64 ?? 0n)) return wrong(had);
    return { ok: true, insn: { ...insn, src: 0, imm64: BigInt.asUintN(64, after.value) } };
  }
  if (kind === BPF_ALU || kind === BPF_ALU64) {
    if ((insn.code & BPF_X) !== 0) return wrong('an instruction without an immediate');
    if (!is(BigInt(insn.imm)) && !is(BigInt(insn.imm >>> 0))) return wrong(had);
    return { ok: true, insn: { ...insn, imm: Number(BigInt.asIntN(32, after.value)) } };
  }
  if (!MEMORY.has(kind)) return wrong('an instruction that holds no value of a type');
  if (!is(BigInt(insn.off))) return wrong(had);
  if (after.value > 0x7fffn) return wrong(`the offset is ${after.value} in the kernel's types: over 32767`);
  if (!sizeMayChange(before.access, after.access, unsigned)) {
    return {
      ok: false,
      poison: true,
      message: 'the field has another size there, and is no pointer or unsigned number',
    };
  }
  const resized = before.access && after.access && before.access.bytes !== after.access.bytes;
  const size = resized ? SIZE_BITS[after.access!.bytes] : insn.code & 0x18;
  if (size === undefined) return wrong(`a field of ${after.access!.bytes} bytes`);
  return { ok: true, insn: { ...insn, code: (insn.code & ~0x18) | size, off: Number(after.value) } };
}
