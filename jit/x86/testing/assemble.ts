import { type CodeBuffer, encode, type Fixup } from '../encode';
import type { Form } from '../forms';
import type { Operand, SymbolRef } from '../operands';

export interface Instruction {
  readonly form: Form;
  readonly operands: readonly Operand[];
}

/** A branch target with a known address. */
export const addressed = (address: bigint): SymbolRef => ({ kind: 'image', name: 'target', address });

/** The bytes of an instruction placed at `at`; branch targets must have an address. */
export function assemble({ form, operands }: Instruction, at = 0n): Uint8Array {
  const fixups: Fixup[] = [];
  const buffer: CodeBuffer = { bytes: new Uint8Array(16), length: 0, fixup: (fixup) => fixups.push(fixup) };
  const length = encode(form, operands, buffer);
  const bytes = buffer.bytes.slice(0, length);
  for (const { kind, offset, size, target } of fixups) {
    if (kind === 'abs') continue;
    if (target.kind === 'label' || target.address === undefined) throw new Error('the target has no address');
    const distance = target.address - (at + BigInt(offset + size));
    if (distance !== BigInt.asIntN(size * 8, distance)) throw new Error(`rel${size * 8} does not reach its target`);
    for (let i = 0; i < size; i++) bytes[offset + i] = Number((distance >> BigInt(i * 8)) & 0xffn);
  }
  return bytes;
}
