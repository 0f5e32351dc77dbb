import { bodyCache, listing, lowerLoaded, nameOf, replayCommand, type WrittenPolicy } from '../cases';
import { type JudgeOptions, judgeCase } from '../judge';
import type { CaseReport } from '../report/model';
import type { Issue, LoadedSpec, LoweredSpec, SpecCase } from '../spec';

/** A case of a claim's spec, on one CPU. */
export interface ClaimCase {
  readonly spec: LoweredSpec;
  readonly specCase: SpecCase;
  readonly policy: string;
  readonly cpu: number;
}

/** All cases of a spec under the given policies, in order: points, scenarios, policies, CPUs. */
export function claimCases(
  loaded: LoadedSpec,
  policies: readonly WrittenPolicy[],
): { readonly cases: ClaimCase[]; readonly issues: readonly Issue[] } {
  const result = lowerLoaded(listing(loaded, policies));
  if (!result.ok) return { cases: [], issues: result.issues };
  const names = new Set(policies.map((each) => (typeof each === 'string' ? each : each.name)));
  const cases = result.value.flatMap((spec) =>
    spec.cases
      .map((specCase) => ({ specCase, policy: nameOf(specCase) }))
      .filter(({ policy }) => names.has(policy))
      .flatMap((each) => spec.cpus.map((cpu) => ({ spec, cpu, ...each }))),
  );
  return { cases, issues: [] };
}

/** What judging a case came to. */
export type ClaimCaseResult = { readonly report: CaseReport } | { readonly issues: readonly Issue[] };

/** Judges cases of claims. */
export class ClaimJudge {
  private readonly assembled = bodyCache();

  constructor(private readonly command: string) {}

  /**
   * Judges one case. Where an event of the scenario never happens under the policy, the claim is not about it; that it is
   * about none of those that the spec lists shows when the spec itself is run.
   */
  async judge({ spec, specCase, cpu, policy }: ClaimCase, known?: JudgeOptions['known']): Promise<ClaimCaseResult> {
    const { bodies, issues } = await this.assembled(specCase.scenario.helpers);
    if (issues.length > 0) return { issues };
    const replay: JudgeOptions['replay'] = (...shown) => replayCommand(this.command, ...shown);
    const judged = judgeCase(spec, specCase, cpu, { replay, bodies, ...(known && { known }) });
    if (judged.ok) return judged;
    if (!judged.missed) return { issues: [judged.issue] };
    const { name, file, point } = spec;
    return {
      report: {
        ...{ spec: name, file, scenario: specCase.scenario.name, point, policy, cpu, milliseconds: 0 },
        ...{ verdict: 'not-applicable', declared: 'not-applicable', asDeclared: true, reason: judged.issue.message },
        ...{ findings: [], framePointers: [] },
      },
    };
  }
}
