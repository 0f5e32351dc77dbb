import { Register, RegisterExt } from 'iced-x86';
import { fits32, type MemoryOperand, type Operand, SIZES } from './operands';
import type { InstructionStatement } from './parse';
import { registerText } from './registers';

/** Stands where an address comes later; wide enough that no short form is chosen for it. */
export const PLACEHOLDER = 0x11223344n;
export const WIDE_PLACEHOLDER = 0x1122334455667788n;

/** Keystone puts an operand-size prefix before these; everybody else means the 64-bit forms. */
const WITH_PREFIX: ReadonlyMap<string, string> = new Map([
  ['pushf', 'pushfq'],
  ['popf', 'popfq'],
]);

const SIZE_WORDS = new Map([...SIZES].map(([word, size]) => [size, word]));

/**
 * A statement as Keystone is asked for it. Every number is hexadecimal, because Keystone.js reads `16` as 0x16;
 * every address is a placeholder, so that the bytes do not depend on the place.
 */
export function keystoneText(statement: InstructionStatement): string {
  const { prefix, operands } = statement;
  const words = prefix === undefined ? [] : [prefix === 'repe' ? 'rep' : prefix];
  // Only this name has a 64-bit immediate whatever the value.
  const absolute = operands.some((each) => each.kind === 'value' && each.offset);
  words.push(absolute ? 'movabs' : (WITH_PREFIX.get(statement.mnemonic) ?? statement.mnemonic));
  return `${words.join(' ')} ${operands.map(operandText).join(', ')}`.trim();
}

function operandText(operand: Operand): string {
  if (operand.kind === 'register') return registerText(operand.register);
  if (operand.kind === 'value') return operand.offset ? hex(WIDE_PLACEHOLDER) : hex(operand.value);
  const size = operand.size === undefined ? '' : `${SIZE_WORDS.get(operand.size)} ptr `;
  const segment = operand.segment === Register.None ? '' : `${registerText(operand.segment)}:`;
  return `${size}${segment}[${addressText(operand)}]`;
}

function addressText(operand: MemoryOperand): string {
  const { base, index, scale, displacement } = operand;
  if (isAbsolute(operand) && !fits32(displacement)) return hex(BigInt.asUintN(64, displacement));
  if (isPatched(operand)) return `rip + ${hex(PLACEHOLDER)}`;
  const terms = base === Register.None ? [] : [registerText(base)];
  if (index !== Register.None) terms.push(scale === 1 ? registerText(index) : `${registerText(index)}*${scale}`);
  const sum = terms.join(' + ');
  if (displacement === 0n) return sum;
  return displacement < 0n ? `${sum} - ${hex(-displacement)}` : `${sum} + ${hex(displacement)}`;
}

/** An address without any register: Keystone makes it RIP-relative or 64 bits wide, so we encode it. */
export function isAbsolute(operand: MemoryOperand): boolean {
  return operand.base === Register.None && operand.index === Register.None;
}

/** Whether its displacement is written after Keystone is done. */
export function isPatched(operand: MemoryOperand): boolean {
  return RegisterExt.isIP(operand.base) || (isAbsolute(operand) && fits32(operand.displacement));
}

function hex(value: bigint): string {
  return value < 0n ? `-0x${(-value).toString(16)}` : `0x${value.toString(16)}`;
}
