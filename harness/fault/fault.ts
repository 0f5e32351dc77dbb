import type { FindingReport } from '../report/model';
import type { CheckId } from '../spec';
import type { Mutation } from './mutation';

/** What a finding must look like to be of one bug and no other: each text that is named matches. */
export type Sign = {
  readonly [K in 'subprog' | 'bpf' | 'machine' | 'message' | 'want' | 'got' | 'culprit']?: RegExp;
};

/** A bug, the check that has to find it, and how it is told from others. */
export interface Fault {
  readonly id: string;
  /** One sentence: what is wrong, and what comes of it. */
  readonly story: string;
  /** The kernel commit that mended it where it was real; null where it never was, as far as is known. */
  readonly commit: string | null;
  /** The check that must kill it: the first finding is of this one. `bytes`: behaviour is the same, the bytes are not. */
  readonly check: CheckId;
  /** The policy that is changed. */
  readonly policy: string;
  readonly mutation: Mutation;
  readonly sign: Sign;
  /** The spec that kills it; empty for `bytes`, where captures do. */
  readonly spec: string;
}

/** What is left out, and why: it cannot fire here, cannot be seen, or is another entry. */
export interface Excluded {
  readonly id: string;
  readonly reason: string;
}

/** A fault with what most have in common: of linux-6.18, and never real. */
export const fault = (
  id: string,
  story: string,
  rest: Omit<Fault, 'id' | 'story' | 'commit' | 'policy'> & Partial<Pick<Fault, 'commit' | 'policy'>>,
): Fault => ({ id, story, commit: null, policy: 'linux-6.18', ...rest });

/** Whether a finding is of the bug with this sign. */
export function shows(sign: Sign, finding: FindingReport): boolean {
  return (Object.keys(sign) as (keyof Sign)[]).every((key) => sign[key]!.test(finding[key] ?? ''));
}
