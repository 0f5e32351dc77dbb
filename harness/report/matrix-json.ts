import { jsonFinding } from './json';
import type { ClaimRow, ClaimVerdict, DesignRow, Designs, Matrix, PolicyCosts } from './matrix-model';

const print = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

/** The contract for other programs: claims by policies. */
export const matrixJson = ({ claims, costs }: Matrix): string =>
  print({ version: 1, claims: claims.map(jsonClaim), costs: jsonCosts(costs) });

function jsonClaim({ id, statement, property, source, named, own }: ClaimRow) {
  const policies = Object.fromEntries([...named, ...own].map((each) => [each.policy, jsonVerdict(each)]));
  return { id, statement, property, source, policies };
}

function jsonVerdict({ verdict, asDeclared, reason, finding }: ClaimVerdict) {
  return { verdict, asDeclared, reason, finding: finding && jsonFinding(finding) };
}

const jsonCosts = (costs: readonly PolicyCosts[]) =>
  Object.fromEntries(costs.map(({ policy, ...each }) => [policy, jsonCost(each)]));

const jsonCost = ({
  prologue,
  call,
  epilogue,
  inner,
  boundary,
  callback,
  access,
  total,
}: Omit<PolicyCosts, 'policy'>) => ({
  prologue,
  call,
  epilogue,
  ...{ inner, boundary, callback, access, total },
});

/** The same of the design space. */
export const designsJson = ({ claims, hopeless, designs }: Designs): string =>
  print({ version: 1, claims, hopeless, designs: designs.map(jsonDesign) });

function jsonDesign({ name, choices, isPrivate, judged, broken, costs }: DesignRow) {
  const { policy, ...rest } = costs;
  const finding = broken && { claim: broken.claim, scenario: broken.scenario, finding: jsonFinding(broken.finding) };
  return {
    name,
    choices,
    private: isPrivate,
    sound: broken === null,
    claims: judged,
    broken: finding,
    costs: jsonCost(rest),
  };
}
