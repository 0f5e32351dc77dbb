import { policyNamed } from '../../jit';
import { NAMED, ownPolicies, unique } from '../cases';
import type { ClaimRow, ClaimVerdict, Matrix } from '../report/matrix-model';
import type { CaseReport } from '../report/model';
import type { Issue } from '../spec';
import { ClaimJudge, claimCases } from './cases';
import { type LoadedClaim, loadClaims } from './claims';
import { policyCosts } from './costs';
import { claimVerdict } from './verdict';

export interface MatrixOptions {
  /** Only these policies: names, or what claims write out. */
  readonly policies?: readonly string[];
  /** Only these claims, by id. */
  readonly claims?: readonly string[];
  /** How the command line is called, for the commands that show a case again. */
  readonly command?: string;
}

/** What is asked for that there is not. */
export interface Unknown {
  readonly what: 'policy' | 'claim';
  readonly name: string;
  readonly expected: readonly string[];
}

export type MatrixResult =
  | { readonly ok: true; readonly matrix: Matrix }
  | { readonly ok: false; readonly issues: readonly Issue[]; readonly unknown: readonly Unknown[] };

const DEFAULT_COMMAND = './scripts/privstack';

const ownOf = ({ loaded }: LoadedClaim): string[] =>
  [...ownPolicies(loaded)].flatMap(([name, each]) => (typeof each === 'string' ? [] : [name]));

/** The claims that are asked for; names that nothing has are told. */
export function chosenClaims(
  paths: readonly string[],
  options: MatrixOptions,
): {
  readonly claims: readonly LoadedClaim[];
  readonly issues: readonly Issue[];
  readonly unknown: readonly Unknown[];
} {
  const { claims, issues } = loadClaims(paths);
  // Of files that cannot be read nobody knows what is in them.
  if (issues.length > 0) return { claims: [], issues, unknown: [] };
  const asked = (what: Unknown['what'], names: readonly string[] = [], expected: readonly string[]): Unknown[] =>
    names.filter((name) => !expected.includes(name)).map((name) => ({ what, name, expected }));
  const ids = claims.map(({ id }) => id);
  const unknown = [
    ...asked('policy', options.policies, [...NAMED, ...new Set(claims.flatMap(ownOf))]),
    ...asked('claim', options.claims, ids),
  ];
  return { claims: claims.filter(({ id }) => options.claims?.includes(id) ?? true), issues, unknown };
}

/** Judges every claim under every named policy, and under those that its spec writes out. */
export async function claimMatrix(paths: readonly string[], options: MatrixOptions = {}): Promise<MatrixResult> {
  const { claims, issues: loadIssues, unknown } = chosenClaims(paths, options);
  const issues: Issue[] = [...loadIssues];
  const wanted = (names: readonly string[]) => names.filter((name) => options.policies?.includes(name) ?? true);
  const policies = wanted(NAMED);
  const deviating: CaseReport[] = [];
  const judge = new ClaimJudge(options.command ?? DEFAULT_COMMAND);
  const rows: ClaimRow[] = [];
  if (issues.length > 0 || unknown.length > 0) return { ok: false, issues, unknown };
  for (const claim of claims) {
    const own = wanted(ownOf(claim));
    const written = own.map((name) => ownPolicies(claim.loaded).get(name)!);
    const { cases, issues: specIssues } = claimCases(claim.loaded, [...policies, ...written]);
    issues.push(...specIssues);
    const reports = new Map<string, CaseReport[]>([...policies, ...own].map((name) => [name, []]));
    for (const each of cases) {
      const result = await judge.judge(each);
      if ('issues' in result) issues.push(...result.issues);
      else reports.get(each.policy)!.push(result.report);
    }
    const verdicts = (names: readonly string[]): ClaimVerdict[] =>
      names.map((name) => claimVerdict(name, reports.get(name)!));
    deviating.push(...[...reports.values()].flat().filter(({ asDeclared }) => !asDeclared));
    const { statement, property, source } = claim.loaded.spec.claim!;
    rows.push({ id: claim.id, statement, property, source, named: verdicts(policies), own: verdicts(own) });
  }
  if (issues.length > 0) return { ok: false, issues: unique(issues), unknown: [] };
  const costs = policies.map((name) => policyCosts(policyNamed(name)!));
  return { ok: true, matrix: { policies, claims: rows, deviating, costs } };
}
