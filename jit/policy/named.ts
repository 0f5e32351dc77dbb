import * as boundary from './boundary';
import * as callback from './callback';
import * as compute from './compute';
import type { StackPolicy } from './policy';
import * as preserve from './preserve';

const shared = { boundary: boundary.none, callback: callback.noPop, mayGoto: 'offset' } as const;
/** As merged in 6.13, without what protects r9. */
const perFunction = { ...shared, block: 'function', compute: compute.absolute } as const;

/** The named policies; what each is for stands in README.md. */
// biome-ignore format: a row is a line
export const POLICIES: readonly StackPolicy[] = [
  { ...shared, name: 'kernel-stack', block: 'none', compute: compute.absolute, preserve: preserve.none },
  { ...perFunction, name: 'linux-6.18', preserve: preserve.pushPopAll },
  { ...perFunction, name: 'linux-6.18-fixed', preserve: preserve.pushPopAll, callback: callback.fromRbp, mayGoto: 'pointer' },
  { ...perFunction, name: 'linux-6.18-pop', preserve: preserve.pushPopAll, callback: callback.popIfBoundary },
  { ...shared, name: 'subtree', block: 'subtree', compute: compute.calleeAdd, preserve: preserve.pushPopAll, callback: callback.popIfOwn },
  { ...shared, name: 'callee-adjust', block: 'subtree', compute: compute.calleeAddSub, preserve: preserve.pushPop('helper', 'kfunc', 'throw') },
  { ...shared, name: 'boundary-once', block: 'subtree', compute: compute.calleeAdd, preserve: preserve.pushPop('helper', 'kfunc'), boundary: boundary.pushOnce, callback: callback.popIfBoundary },
  { ...shared, name: 'caller-add', block: 'subtree', compute: compute.callerAdd, preserve: preserve.pushPopAll, callback: callback.popIfBoundary },
  { ...perFunction, name: 'helpers-only', preserve: preserve.pushPop('helper', 'kfunc', 'throw') },
  { ...perFunction, name: 'spill-slot', preserve: preserve.spillSlot },
  { ...perFunction, name: 'reload', preserve: preserve.reload },
  { ...perFunction, name: 'callee-saved', preserve: preserve.calleeSaved },
  { ...perFunction, name: 'unsaved', preserve: preserve.none },
];

export const policyNamed = (name: string): StackPolicy | undefined => POLICIES.find((policy) => policy.name === name);
