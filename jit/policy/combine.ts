import * as boundary from './boundary';
import * as callback from './callback';
import * as compute from './compute';
import { flawOf } from './flaws';
import type { PolicyChoices, PreserveChoice, StackPolicy } from './policy';
import * as preserve from './preserve';

const byName = <T extends { readonly name: string }>(...values: T[]): ReadonlyMap<string, T> =>
  new Map(values.map((value) => [value.name, value]));

const COMPUTE = byName(compute.absolute, compute.calleeAdd, compute.calleeAddSub, compute.callerAdd);
const BOUNDARY = byName(boundary.none, boundary.pushOnce);
const CALLBACK = byName(
  ...[callback.noPop, callback.popIfOwn, callback.popIfBoundary, callback.skip, callback.fromRbp],
);

type Calls = PolicyChoices['preserve']['calls'];
const PRESERVE: ReadonlyMap<string, (calls: Calls) => PreserveChoice> = new Map([
  ['none', () => preserve.none],
  ['push-pop', (calls: Calls) => preserve.pushPop(...(calls ?? []))],
  ['spill-slot', () => preserve.spillSlot],
  ['reload', () => preserve.reload],
  ['callee-saved', () => preserve.calleeSaved],
]);

/** The values of each choice, by name. */
export const CHOICE_VALUES = {
  compute: [...COMPUTE.keys()],
  preserve: [...PRESERVE.keys()],
  boundary: [...BOUNDARY.keys()],
  callback: [...CALLBACK.keys()],
} as const;

/** Why choices make no policy: a value that there is not, or values that cannot go together. */
export interface InvalidPolicy {
  readonly invalid: string;
}

function unknown(choice: keyof typeof CHOICE_VALUES, value: string): InvalidPolicy {
  return { invalid: `there is no \`${choice}: ${value}\`, expected ${CHOICE_VALUES[choice].join(', ')}` };
}

/**
 * The policy of these choices. It need not be a sound one: whether it is, a run shows.
 */
export function combine(choices: PolicyChoices): StackPolicy | InvalidPolicy {
  const { name, block, mayGoto } = choices;
  const { kind, calls } = choices.preserve;
  const chosen = {
    compute: COMPUTE.get(choices.compute),
    preserve: PRESERVE.get(kind)?.(calls),
    boundary: BOUNDARY.get(choices.boundary),
    callback: CALLBACK.get(choices.callback),
  };
  if (!chosen.compute) return unknown('compute', choices.compute);
  if (!chosen.preserve) return unknown('preserve', kind);
  if (!chosen.boundary) return unknown('boundary', choices.boundary);
  if (!chosen.callback) return unknown('callback', choices.callback);
  const flaw = flawOf(choices);
  if (flaw?.kind === 'invalid') return { invalid: flaw.reason };
  const { compute, preserve, boundary, callback } = chosen;
  return { name, block, compute, preserve, boundary, callback, mayGoto };
}
