import { combine, type PolicyChoices, type StackPolicy, sensibleCombinations } from '../../jit';
import type { Built } from '../build';
import { unique, type WrittenPolicy } from '../cases';
import type { Breakage, DesignRow, Designs } from '../report/matrix-model';
import type { Issue } from '../spec';
import { type ClaimCase, type ClaimCaseResult, ClaimJudge, claimCases } from './cases';
import type { LoadedClaim } from './claims';
import { policyCosts } from './costs';
import { chosenClaims, type MatrixOptions, type Unknown } from './matrix';

export type DesignsResult =
  | { readonly ok: true; readonly designs: Designs }
  | { readonly ok: false; readonly issues: readonly Issue[]; readonly unknown: readonly Unknown[] };

/** A design as a spec would write it. */
export const written = ({ preserve: { kind, calls }, mayGoto, ...rest }: PolicyChoices): WrittenPolicy =>
  ({ ...rest, preserve: calls ? { 'push-pop': [...calls] } : kind, may_goto: mayGoto }) as WrittenPolicy;

/** Everything of what was built that a run depends on: code, what its instructions are there for, and where frames are. */
const codeKey = ({ world }: Built, block: string): string =>
  JSON.stringify([
    block,
    world.programs.map(({ code, functions }) => [
      code.map((bytes) => Buffer.from(bytes).toString('hex')),
      functions.map((fn) => [fn.frame, fn.rows().map(({ role }) => role)]),
    ]),
  ]);

/** Runs the cases of one claim; where several designs have the same code for one, it runs once. */
class ClaimRuns {
  private readonly results = new Map<string, ClaimCaseResult>();

  constructor(private readonly judge: ClaimJudge) {}

  async run(each: ClaimCase, block: string): Promise<ClaimCaseResult> {
    const where = JSON.stringify([each.spec.point, each.specCase.scenario.name, each.cpu]);
    let key: string | undefined;
    const result = await this.judge.judge(each, (built) => {
      key = `${where} ${codeKey(built, block)}`;
      const known = this.results.get(key);
      return known && 'report' in known ? { ok: true, report: known.report } : undefined;
    });
    if (key !== undefined) this.results.set(key, result);
    return result;
  }
}

/** A design that is being judged. */
interface Candidate {
  readonly choices: PolicyChoices;
  judged: number;
  broken: Breakage | null;
}

/** What a claim says of the designs that were still sound. */
interface Trial {
  readonly issues: readonly Issue[];
  /** Whether it breaks all of them that have a private stack, so that it says nothing about their choices. */
  readonly breaksAll: boolean;
}

/** Judges the designs that are still sound by one claim. */
async function tryClaim(claim: LoadedClaim, designs: readonly Candidate[], judge: ClaimJudge): Promise<Trial> {
  const { cases, issues } = claimCases(
    claim.loaded,
    designs.map(({ choices }) => written(choices)),
  );
  if (issues.length > 0) return { issues, breaksAll: false };
  const byDesign = new Map<string, ClaimCase[]>(designs.map(({ choices }) => [choices.name, []]));
  for (const each of cases) byDesign.get(each.policy)!.push(each);
  const runs = new ClaimRuns(judge);
  for (const design of designs) {
    let about = false;
    for (const each of byDesign.get(design.choices.name)!) {
      const result = await runs.run(each, design.choices.block);
      if ('issues' in result) return { issues: result.issues, breaksAll: false };
      const { verdict, scenario, findings } = result.report;
      about ||= verdict === 'holds' || verdict === 'fails';
      if (verdict !== 'fails') continue;
      design.broken = { claim: claim.id, scenario, finding: findings[0]! };
      break;
    }
    if (about) design.judged++;
  }
  const isPrivate = designs.filter(({ choices }) => choices.block !== 'none');
  const breaksAll = isPrivate.length > 0 && isPrivate.every(({ broken }) => broken !== null);
  if (breaksAll) for (const design of isPrivate) design.broken = null;
  return { issues: [], breaksAll };
}

/**
 * Judges every sensible combination of choices by all claims that are about it, until one fails. General expectations of a
 * claim's spec count, and none that it has for a policy by name. A claim that no design with a private stack survives, such as
 * re-entry without a guard, is not a matter of these choices: it breaks none and is named.
 */
export async function judgeDesigns(paths: readonly string[], options: MatrixOptions = {}): Promise<DesignsResult> {
  const { claims, issues, unknown } = chosenClaims(paths, options);
  if (issues.length > 0 || unknown.length > 0) return { ok: false, issues, unknown };
  const candidates = [...sensibleCombinations()].map((choices): Candidate => ({ choices, judged: 0, broken: null }));
  const judge = new ClaimJudge(options.command ?? '');
  const wrong: Issue[] = [];
  const hopeless: string[] = [];
  for (const claim of claims) {
    const sound = candidates.filter(({ broken }) => broken === null);
    const trial = await tryClaim(claim, sound, judge);
    wrong.push(...trial.issues);
    if (trial.breaksAll) hopeless.push(claim.id);
  }
  if (wrong.length > 0) return { ok: false, issues: unique(wrong), unknown: [] };
  const designs = candidates.map(({ choices, judged, broken }): DesignRow => {
    const { name, mayGoto, ...chosen } = choices;
    const costs = policyCosts(combine(choices) as StackPolicy);
    return { name, choices: chosen, isPrivate: choices.block !== 'none', judged, broken, costs };
  });
  return { ok: true, designs: { claims: claims.map(({ id, statement }) => ({ id, statement })), hopeless, designs } };
}
