import type { JitImage, Relocation } from './image';
import type { SymbolRef } from './x86';

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
  // One buffer for all: each of its own takes longer than most functions take to fill in.
  const bytes = new Uint8Array(image.functions.reduce((sum, fn) => sum + fn.bytes.length, 0));
  const view = new DataView(bytes.buffer);
  let next = 0;
  return image.functions.map((fn, index) => {
    const start = next;
    next += fn.bytes.length;
    bytes.set(fn.bytes, start);
    for (const relocation of fn.relocations) {
      const at = start + relocation.offset;
      const target = targetOf(relocation, placement);
      if (relocation.kind === 'rel' && relocation.size === 4) {
        const distance = Number(target - placement.functions[index]!) - relocation.offset - relocation.size;
        if (distance === (distance | 0)) {
          view.setInt32(at, distance, true);
          continue;
        }
      }
      const end = placement.functions[index]! + BigInt(relocation.offset + relocation.size);
      const value = BigInt.asIntN(64, relocation.kind === 'rel' ? target - end : target);
      if (relocation.size === 8) view.setBigInt64(at, value, true);
      else if (BigInt.asIntN(32, value) === value || (relocation.kind === 'abs' && value >> 32n === 0n)) {
        view.setInt32(at, Number(BigInt.asIntN(32, value)), true);
      } else throw new LinkError(`\`${relocation.symbol.name}\` is out of reach of ${fn.name}`);
    }
    return bytes.subarray(start, next);
  });
}
