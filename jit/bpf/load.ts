import type { WireError } from './bytes';
import { parseHex } from './hex';
import type { Program } from './program';
import { type ValidateOptions, validateProgram } from './validate';
import { type DecodeOptions, decodeProgram, type WireNumbers } from './wire';

export type LoadResult =
  | { readonly ok: true; readonly program: Program; readonly wire: WireNumbers }
  | { readonly ok: false; readonly errors: readonly WireError[] };

/**
 * A program from bytes or hexadecimal digits that come from outside: decodes, splits and validates.
 *
 * @returns a well-formed program, or all errors, each with the slot and the text of its instruction.
 */
export function loadProgram(input: Uint8Array | string, options: DecodeOptions & ValidateOptions = {}): LoadResult {
  const hex = typeof input === 'string' ? parseHex(input) : ({ ok: true, bytes: input } as const);
  if (!hex.ok) return { ok: false, errors: [hex.error] };
  const decoded = decodeProgram(hex.bytes, options);
  if (!decoded.ok) return decoded;
  const errors = validateProgram(decoded.program, options);
  return errors.length > 0 ? { ok: false, errors } : decoded;
}
