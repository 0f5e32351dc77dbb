import { canonicalMnemonic } from './mnemonics';

/** A direct branch's two forms; `near` is absent for those that reach 128 bytes and no further. */
export interface BranchForms {
  readonly short?: readonly number[];
  readonly near?: readonly number[];
}

/** In the order of the condition nibble. */
const CONDITIONS = ['o', 'no', 'b', 'ae', 'e', 'ne', 'be', 'a', 's', 'ns', 'p', 'np', 'l', 'ge', 'le', 'g'];

const FORMS: ReadonlyMap<string, BranchForms> = new Map<string, BranchForms>([
  ['jmp', { short: [0xeb], near: [0xe9] }],
  ['call', { near: [0xe8] }],
  ['loopne', { short: [0xe0] }],
  ['loope', { short: [0xe1] }],
  ['loop', { short: [0xe2] }],
  ['jecxz', { short: [0x67, 0xe3] }],
  ['jrcxz', { short: [0xe3] }],
  ...CONDITIONS.map((name, code): [string, BranchForms] => [
    `j${name}`,
    { short: [0x70 + code], near: [0x0f, 0x80 + code] },
  ]),
]);

/** The opcode bytes of a direct branch. We encode these ourselves: Keystone's choice depends on where the code stands. */
export function branchForms(mnemonic: string): BranchForms | undefined {
  return FORMS.get(canonicalMnemonic(mnemonic));
}

/** How far the target is from the end of a branch of this size, around 2^64. */
export function distance(address: bigint, size: number, target: bigint): bigint {
  return BigInt.asIntN(64, target - address - BigInt(size));
}
