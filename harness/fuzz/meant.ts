import type { Judgement } from './full';

type Finding = Judgement['findings'][number];

/** What is found where it is this fault that shows: the first finding of a check, and what it looks like. */
interface Meant {
  readonly check: string;
  is?(finding: Finding): boolean;
}

/** What goes wrong in trees: a subprog adds its depth to something that is no frame pointer. */
const adds = (culprit: string | null): boolean => /^`add r9, /.test(culprit ?? '');
const isTraced = (culprit: string | null): boolean => /what the trampoline of .* left$/.test(culprit ?? '');
const isCallback = (subprog: string | null): boolean => /^callback/.test(subprog ?? '');

/**
 * Faults that show by something else, too. V3-3, V3-7 and V3-8 each are the whole policy `subtree`, whose frames also are
 * elsewhere than declared; B6 changes comparisons in programs without tail calls.
 */
const MEANT: Readonly<Record<string, Meant>> = {
  'V3-3': {
    check: 'frame-address',
    is: ({ subprog, culprit }) => adds(culprit) && !isTraced(culprit) && !isCallback(subprog),
  },
  'V3-7': { check: 'frame-address', is: ({ culprit }) => adds(culprit) && isTraced(culprit) },
  'V3-8': { check: 'frame-address', is: ({ subprog, culprit }) => adds(culprit) && isCallback(subprog) },
  B6: { check: 'tail-call' },
};

/** Whether findings are of the fault. */
export function isMeant(fault: string, findings: () => readonly Finding[]): boolean {
  const meant = MEANT[fault];
  if (!meant) return true;
  const first = findings().find(({ check }) => check === meant.check);
  return first !== undefined && (meant.is?.(first) ?? true);
}
