import type { Judgement } from './full';

type FindingReport = Judgement['findings'][number];

/**
 * Faults that are one and the same change, told apart by what is found: V3-3, V3-7 and V3-8 each are the whole policy
 * `subtree`.
 */
const MEANT: Readonly<Record<string, (finding: FindingReport) => boolean>> = {
  'V3-3': ({ subprog, culprit }) => adds(culprit) && !isTraced(culprit) && !isCallback(subprog),
  'V3-7': ({ culprit }) => adds(culprit) && isTraced(culprit),
  'V3-8': ({ subprog, culprit }) => adds(culprit) && isCallback(subprog),
};

/** What goes wrong in all of them: a subprog adds its depth to something that is no frame pointer. */
const adds = (culprit: string | null): boolean => /^`add r9, /.test(culprit ?? '');
const isTraced = (culprit: string | null): boolean => /what the trampoline of .* left$/.test(culprit ?? '');
const isCallback = (subprog: string | null): boolean => /^callback/.test(subprog ?? '');

/** Whether findings are of the fault, where several are the same change. */
export function isMeant(fault: string, findings: () => readonly FindingReport[]): boolean {
  const meant = MEANT[fault];
  if (!meant) return true;
  // A tree has its frames elsewhere than the policy whose place it takes declares them: that says nothing of any bug.
  const first = findings().find(({ check }) => check === 'frame-address');
  return first !== undefined && meant(first);
}
