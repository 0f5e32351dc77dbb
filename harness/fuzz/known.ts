import { MAY_GOTO_THUNKS, type StackPolicy } from '../../jit';
import type { Prepared } from './prepare';

/** A defect that is known: a find of that kind is no news. */
export interface Known {
  readonly id: string;
  readonly title: string;
  /** Whether a run of a program that called all these can show it under a policy. */
  shows(prepared: Prepared, policy: StackPolicy, called: ReadonlySet<string>): boolean;
}

/** The defects of Linux 6.18 that the specs under specs/exceptions and specs/claims are about. */
export const KNOWN: readonly Known[] = [
  {
    id: 'exception-private-boundary',
    title: 'an exception out of a private boundary gives shifted registers back',
    shows({ verified }, policy, called) {
      const isPrivate = verified.analysis.subprogs[0]!.private !== null;
      return isPrivate && called.has('bpf_throw') && policy.name === 'linux-6.18';
    },
  },
  {
    id: 'timed-may-goto',
    title: 'may_goto asks the clock with an offset from rbp, in a private frame too',
    shows({ verified }, _, called) {
      return called.has(MAY_GOTO_THUNKS.offset) && verified.analysis.blocks.length > 0;
    },
  },
];

/** The known defect that a run can show. */
export const knownOf = (prepared: Prepared, policy: StackPolicy, called: ReadonlySet<string>): Known | undefined =>
  KNOWN.find((each) => each.shows(prepared, policy, called));

/** Whether the kind of what was seen is that of a known defect. */
export const isKnownKind = (kind: string): boolean => KNOWN.some(({ id }) => kind.startsWith(`${id}: `));
