import type { ProgramFacts } from '../analysis/facts';
import { GPR_NAMES, X86_64 } from '../x86';
import type { StackPolicy } from './policy';

/**
 * Why a policy cannot be had for a program that the verifier accepts, or null: its frame pointer and the program's arena
 * want the same register.
 */
export function notApplicable({ name, preserve }: StackPolicy, { subprogs }: ProgramFacts): string | null {
  const both = subprogs.some((facts) => facts.private !== null && facts.arena !== null);
  if (!both || preserve.register !== X86_64.arenaBase) return null;
  const register = GPR_NAMES[preserve.register]!;
  return `the program has an arena, whose base is in ${register}, where \`${name}\` has the frame pointer`;
}
