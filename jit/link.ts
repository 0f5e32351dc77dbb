import { uint8Array } from './emit/arrays';
import type { JitImage, Relocation } from './image';
import type { SymbolRef } from './x86';
import { put32, putLe64 } from './x86/encode';

/** An address that the linker cannot find, or that is out of reach. */
export class LinkError extends Error {
  override readonly name = 'LinkError';
}

/** Where a program's functions are placed, and what its symbols are. */
export interface Placement {
  /** Address of each function. */
  readonly functions: readonly bigint[];
  /** Address of a symbol that does not carry one. */
  resolve(symbol: SymbolRef): bigint | undefined;
}

/** The target of a relocation under a placement. @throws LinkError when there is none */
export function targetOf({ symbol }: Relocation, placement: Placement): bigint {
  const address =
    symbol.kind === 'subprog' ? placement.functions[symbol.index!] : (symbol.address ?? placement.resolve(symbol));
  if (address === undefined) throw new LinkError(`${symbol.kind} \`${symbol.name}\` has no address`);
  return symbol.addend === undefined ? address : address + BigInt(symbol.addend);
}

/**
 * Fills in relative displacements and absolute addresses.
 * @returns the bytes of each function
 * @throws LinkError for a symbol without an address, or one out of reach of its field
 */
export function link(image: JitImage, placement: Placement): Uint8Array[] {
  return image.functions.map((fn, index) => {
    const bytes = uint8Array(fn.bytes.length);
    bytes.set(fn.bytes);
    for (const relocation of fn.relocations) {
      const target = targetOf(relocation, placement);
      if (relocation.kind === 'rel' && relocation.size === 4) {
        const distance = Number(target - placement.functions[index]!) - relocation.offset - relocation.size;
        if (distance === (distance | 0)) {
          put32(bytes, relocation.offset, distance);
          continue;
        }
      }
      const next = placement.functions[index]! + BigInt(relocation.offset + relocation.size);
      const value = BigInt.asIntN(64, relocation.kind === 'rel' ? target - next : target);
      if (relocation.size === 8) putLe64(bytes, relocation.offset, value);
      else if (BigInt.asIntN(32, value) === value || (relocation.kind === 'abs' && value >> 32n === 0n)) {
        put32(bytes, relocation.offset, Number(BigInt.asIntN(32, value)));
      } else throw new LinkError(`\`${relocation.symbol.name}\` is out of reach of ${fn.name}`);
    }
    return bytes;
  });
}
