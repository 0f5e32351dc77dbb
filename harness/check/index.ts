import { cpuIsolation, frameBounds } from './accesses';
import { callTarget } from './call-target';
import { calleeSaved } from './callee-saved';
import { fault, termination } from './ending';
import { exception } from './exception';
import type { Check, CheckInput, Finding } from './finding';
import { frameAddress } from './frame-address';
import { framePointer } from './frame-pointer';
import { guards } from './guards';
import { interpreter } from './interpreter';
import { recursion } from './recursion';
import { stackBalance } from './stack-balance';
import { tailCall } from './tail-call';
import { unwind } from './unwind';
import { memory, retval } from './values';

export type { Check, CheckInput, Finding } from './finding';
export { AT_END, hex } from './finding';
export { describe, regionsOf } from './regions';
export { type SeenFrame, seenFrames } from './seen-frames';

/** All checks. Of findings at the same event the check that stands first here comes first. */
export const CHECKS: readonly Check[] = [
  cpuIsolation,
  recursion,
  frameAddress,
  framePointer,
  frameBounds,
  guards,
  callTarget,
  tailCall,
  stackBalance,
  unwind,
  exception,
  calleeSaved,
  memory,
  retval,
  interpreter,
  termination,
  fault,
];

/** The same thing at the same instruction, once more. */
function key({ check, place, message }: Finding): string {
  return `${check} ${place?.program} ${place?.subprog} ${place?.row.offset} ${message}`;
}

/**
 * Everything that is wrong in a run, in order of time; what is wrong in every round of a loop only once. The first
 * finding decides, the others may follow from it.
 */
export function runChecks(input: CheckInput, checks: readonly Check[] = CHECKS): Finding[] {
  const findings = checks.flatMap((check) => check.run(input));
  findings.sort((a, b) => (a.event === b.event ? 0 : a.event - b.event));
  const seen = new Set<string>();
  return findings.filter((finding) => !seen.has(key(finding)) && seen.add(key(finding)));
}
