import type { HelperBodies } from '../build';
import { bodyCache, lowerLoaded, nameOf } from '../cases';
import { formatIssue, type LoweredSpec, loadFiles, type SpecCase } from '../spec';

/** A case of a shipped spec for which its spec declares that all holds. */
export interface ShippedCase {
  readonly key: string;
  readonly spec: LoweredSpec;
  readonly specCase: SpecCase;
  readonly cpu: number;
  readonly bodies: HelperBodies;
}

/** Loads every case that is declared to hold, by policy. @throws Error for a spec that is invalid: `privstack run` says more */
export async function shippedCases(paths: readonly string[]): Promise<ReadonlyMap<string, readonly ShippedCase[]>> {
  const { specs, issues } = loadFiles(paths);
  if (issues.length > 0) throw new Error(issues.map(formatIssue).join('\n'));
  const assembled = bodyCache();
  const byPolicy = new Map<string, ShippedCase[]>();
  for (const loaded of specs) {
    const lowered = lowerLoaded(loaded);
    if (!lowered.ok) throw new Error(lowered.issues.map(formatIssue).join('\n'));
    for (const [point, spec] of lowered.value.entries()) {
      for (const [index, specCase] of spec.cases.entries()) {
        if (specCase.expectation.verdict.value.kind !== 'holds') continue;
        const { bodies } = await assembled(specCase.scenario.helpers);
        const policy = nameOf(specCase);
        const cases = byPolicy.get(policy) ?? [];
        byPolicy.set(policy, cases);
        for (const cpu of spec.cpus) {
          cases.push({ key: `${spec.file} ${spec.name} ${point} ${index} ${cpu}`, spec, specCase, cpu, bodies });
        }
      }
    }
  }
  // Small ones first: they say most about what is wrong.
  for (const cases of byPolicy.values()) cases.sort((a, b) => sizeOf(a) - sizeOf(b));
  return byPolicy;
}

/** Instructions that there are, times what is done with them. */
function sizeOf({ spec, specCase }: ShippedCase): number {
  const insns = spec.programs.flatMap(({ program }) => program.subprogs.map((subprog) => subprog.insns.length));
  return insns.reduce((sum, each) => sum + each, 0) * specCase.scenario.events.length;
}
