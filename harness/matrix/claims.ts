import { type Issue, type LoadedSpec, loadFiles } from '../spec';

/** The spec of a claim. */
export interface LoadedClaim {
  readonly id: string;
  readonly statement: string;
  readonly loaded: LoadedSpec;
}

/** By id, with numbers as numbers: C2 before C10. */
const byId = (a: LoadedClaim, b: LoadedClaim): number => a.id.localeCompare(b.id, 'en', { numeric: true });

/** Reads the specs of claims. That two have one id is found as they are loaded; here, that one has none. */
export function loadClaims(paths: readonly string[]): { claims: LoadedClaim[]; issues: Issue[] } {
  const { specs, issues } = loadFiles(paths);
  const claims: LoadedClaim[] = [];
  for (const loaded of specs) {
    const { claim } = loaded.spec;
    if (claim) claims.push({ id: claim.id, statement: claim.statement, loaded });
    else
      issues.push({
        ...loaded.position,
        path: 'claim',
        message: 'is missing',
        expected: 'the claim that the spec decides',
      });
  }
  return { claims: claims.sort(byId), issues };
}
