/** Condition codes with the same meaning, to the one that iced-x86 prints. */
const CONDITIONS: Readonly<Record<string, string>> = {
  z: 'e',
  nz: 'ne',
  c: 'b',
  nae: 'b',
  nc: 'ae',
  nb: 'ae',
  na: 'be',
  nbe: 'a',
  nge: 'l',
  nl: 'ge',
  ng: 'le',
  nle: 'g',
  pe: 'p',
  po: 'np',
};

/** Two names for one instruction (`sal` and `shl` do the same and have the same encoding in every assembler). */
const ALIASES: Readonly<Record<string, string>> = {
  movabs: 'mov',
  sal: 'shl',
  loopz: 'loope',
  loopnz: 'loopne',
  xlat: 'xlatb',
  retn: 'ret',
  fwait: 'wait',
  pushf: 'pushfq',
  popf: 'popfq',
};

/** The name that iced-x86 has for a mnemonic. */
export function canonicalMnemonic(mnemonic: string): string {
  const match = /^(j|set|cmov)([a-z]+)$/.exec(mnemonic);
  const condition = match === null ? undefined : CONDITIONS[match[2]!];
  if (condition !== undefined) return `${match![1]}${condition}`;
  return Object.hasOwn(ALIASES, mnemonic) ? ALIASES[mnemonic]! : mnemonic;
}
