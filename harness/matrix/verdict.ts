import type { ClaimVerdict } from '../report/matrix-model';
import type { CaseReport } from '../report/model';
import { counted } from '../report/words';

const ran = ({ verdict }: CaseReport): boolean => verdict === 'holds' || verdict === 'fails';

/** What did not run, and why: with how many cases it was, where others did. */
function unrun(cases: readonly CaseReport[]): string | null {
  const others = cases.filter((each) => !ran(each));
  if (others.length === 0) return null;
  const reason = others[0]!.reason ?? others[0]!.verdict;
  return others.length === cases.length ? reason : `not in ${counted(others.length, 'case')}: ${reason}`;
}

/**
 * The verdict of a claim under a policy, from all cases of its spec: the first case that fails decides; where none ran the
 * claim is not about the policy, also where the verifier refuses the program.
 */
export function claimVerdict(policy: string, cases: readonly CaseReport[]): ClaimVerdict {
  const failing = cases.find(({ verdict }) => verdict === 'fails');
  const verdict = failing ? 'fails' : cases.some(ran) ? 'holds' : 'not-applicable';
  const asDeclared = cases.every((each) => each.asDeclared);
  return { policy, verdict, reason: unrun(cases), finding: failing?.findings[0] ?? null, asDeclared };
}
