import * as z from 'zod';

/** Shapes that several keys of a spec share. */

const WIDE = /^-?(0[xX][0-9a-fA-F]{1,16}|[0-9]{1,20})$/;
const HEX = /^\s*([0-9a-fA-F]{2}\s*)*$/;

export const cpu = z.int().min(0).max(1).describe('A CPU of the machine: 0 or 1.');

export const wide = z
  .union([z.int(), z.string().regex(WIDE, { error: 'a decimal or 0x number' })])
  .describe('A 64-bit number; over 2^53 it stands in quotes.');

export const hexText = z
  .string({ error: 'hexadecimal digits in quotes' })
  .regex(HEX, { error: 'pairs of hexadecimal digits, spaces allowed' })
  .describe('Bytes in hexadecimal; spaces are free.');

export const term = z
  .union([z.int(), z.string({ error: 'a term' }).min(1)])
  .describe('A number or a sum of terms, as `block(main) + 8 + 256` or `fp(main, cpu 0)`.');

export const name = z.string().min(1);

/** The number that a {@link wide} value means, mod 2^64. */
export function wideValue(value: number | string): bigint {
  const text = String(value);
  const magnitude = BigInt(text.startsWith('-') ? text.slice(1) : text);
  return BigInt.asUintN(64, text.startsWith('-') ? -magnitude : magnitude);
}

/** The bytes that a {@link hexText} means. */
export function hexBytes(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text.replace(/\s+/g, ''), 'hex'));
}
