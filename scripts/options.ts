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
