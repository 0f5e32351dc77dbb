import { EmuError } from './errors';

const LIMIT = 1n << 64n;

function bad(what: string, wanted: string, value: unknown): never {
  throw new EmuError('bad-argument', `${what} must be ${wanted}, not ${typeof value} ${String(value)}`);
}

/** An address or a word: a bigint of 0 to 2^64-1. A number is refused, because it may have been rounded already. */
export function word(value: unknown, what: string): bigint {
  if (typeof value !== 'bigint' || value < 0n || value >= LIMIT) bad(what, 'a bigint from 0 to 2^64-1', value);
  return value;
}

/** An integer from `least` to `most`, both included. */
export function integer(value: unknown, what: string, least = 0, most = Number.MAX_SAFE_INTEGER): number {
  if (!Number.isSafeInteger(value) || (value as number) < least || (value as number) > most) {
    bad(what, `an integer from ${least} to ${most}`, value);
  }
  return value as number;
}

export function bytes(value: unknown, what: string): Uint8Array {
  if (!ArrayBuffer.isView(value) || Object.prototype.toString.call(value) !== '[object Uint8Array]') {
    bad(what, 'a Uint8Array', value);
  }
  return value as Uint8Array;
}

export function callback<T>(value: T, what: string): T {
  if (typeof value !== 'function') bad(what, 'a function', value);
  return value;
}

export const hex = (value: bigint | number): string => `0x${value.toString(16)}`;
