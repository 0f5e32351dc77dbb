import * as boundary from './boundary';
import * as callback from './callback';
import * as compute from './compute';
import type { StackPolicy } from './policy';
import * as preserve from './preserve';

const shared = { boundary: boundary.none, callback: callback.noPop, mayGoto: 'offset' } as const;

/** The named policies; what each is stands in docs/architecture.md. */
// biome-ignore format: a row is a line
export const POLICIES: readonly StackPolicy[] = [
  { ...shared, name: 'kernel-stack', block: 'none', compute: compute.absolute, preserve: preserve.none },
  { ...shared, name: 'linux-6.18', block: 'function', compute: compute.absolute, preserve: preserve.pushPopAll },
  { ...shared, name: 'subtree', block: 'subtree', compute: compute.calleeAdd, preserve: preserve.pushPopAll, callback: callback.popIfOwn },
  { ...shared, name: 'unsaved', block: 'function', compute: compute.absolute, preserve: preserve.none },
];

export const policyNamed = (name: string): StackPolicy | undefined => POLICIES.find((policy) => policy.name === name);
