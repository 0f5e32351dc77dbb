import { isProgramType, POLICIES, PROGRAM_TYPES, type ProgramType, policyNamed, type StackPolicy } from '../jit';
import { UsageError } from './exit-codes';

/** The policy of that name. @throws UsageError */
export function policyOption(name: string): StackPolicy {
  const policy = policyNamed(name);
  if (policy) return policy;
  throw new UsageError(`unknown policy \`${name}\`, expected ${POLICIES.map((each) => each.name).join(', ')}`);
}

/** The program type of that name. @throws UsageError */
export function typeOption(name: string): ProgramType {
  if (isProgramType(name)) return name;
  throw new UsageError(`unknown program type \`${name}\`, expected ${PROGRAM_TYPES.join(', ')}`);
}

/** What r1 points to: hex digits, or a number of zero bytes. @throws UsageError */
export function contextOption(text: string, option = '--ctx'): Uint8Array {
  if (/^\d{1,5}$/.test(text)) return new Uint8Array(Number(text));
  const digits = text.replace(/^0x|\s+/g, '');
  if (!/^([0-9a-f]{2})*$/i.test(digits)) {
    throw new UsageError(
      `${option}: \`${text}\` is no context, expected hex, two digits a byte, or a number of zero bytes`,
    );
  }
  return Uint8Array.from(Buffer.from(digits, 'hex'));
}
