import type { FormName } from './forms';

const BY_LENGTH: readonly FormName[] = ['nop1', 'nop2', 'nop3', 'nop4', 'nop5'];

/**
 * The instructions that fill `length` bytes: as few as possible, the longest first (the multi-byte nops are those of
 * SDM vol. 2B, table 4-12, with the prefixed 90 for two bytes).
 */
export function nops(length: number): FormName[] {
  const forms: FormName[] = [];
  for (let left = length; left > 0; left -= BY_LENGTH.length)
    forms.push(BY_LENGTH[Math.min(left, BY_LENGTH.length) - 1]!);
  return forms;
}
