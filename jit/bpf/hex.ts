/** Bytes from text, or what is wrong with the text. */
export type HexResult =
  | { readonly ok: true; readonly bytes: Uint8Array }
  | { readonly ok: false; readonly error: { readonly index: number; readonly text: string; readonly message: string } };

/**
 * Bytes from hexadecimal digits; white space between them is free.
 *
 * @returns an error with the slot of 8 bytes in which the text stops being hexadecimal: a character that is no digit,
 * or a last byte of which half is missing.
 */
export function parseHex(text: string): HexResult {
  const digits = text.replace(/\s+/g, '');
  const bad = /[^0-9a-fA-F]/u.exec(digits);
  if (bad) return failure(digits, bad.index, `\`${bad[0]}\` is not a hexadecimal digit`);
  if (digits.length % 2 !== 0)
    return failure(digits, digits.length, `odd number of hexadecimal digits (${digits.length})`);
  const bytes = new Uint8Array(digits.length / 2);
  for (let i = 0; i < bytes.length; i++)
    bytes[i] = digit(digits.charCodeAt(2 * i)) * 16 + digit(digits.charCodeAt(2 * i + 1));
  return { ok: true, bytes };
}

/** Of a character that is known to be a hexadecimal digit; letters of either case end in 1 to 6. */
const digit = (char: number): number => (char & 0xf) + (char >= 0x40 ? 9 : 0);

const DIGITS_PER_SLOT = 16;

function failure(digits: string, at: number, message: string): HexResult {
  const index = Math.floor(Math.max(0, at - 1) / DIGITS_PER_SLOT);
  const text = digits.slice(index * DIGITS_PER_SLOT, (index + 1) * DIGITS_PER_SLOT);
  return { ok: false, error: { index, text, message } };
}

/** Lower-case hexadecimal digits, without spaces. */
export function toHex(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0');
  return text;
}
