import * as boundary from './boundary';
import * as callback from './callback';
import * as compute from './compute';
import type { CallKind, StackPolicy } from './policy';
import * as preserve from './preserve';

/** A policy as the five choices by name, and where may_goto keeps its count. */
export interface PolicyChoices {
  readonly name: string;
  readonly block: StackPolicy['block'];
  readonly compute: string;
  readonly preserve: { readonly kind: string; readonly calls?: readonly CallKind[] };
  readonly boundary: string;
  readonly callback: string;
  readonly mayGoto: StackPolicy['mayGoto'];
}

const byName = <T extends { readonly name: string }>(...values: T[]) =>
  new Map(values.map((value) => [value.name, value]));

const COMPUTE = byName(compute.absolute, compute.calleeAdd);
const BOUNDARY = byName(boundary.none);
const CALLBACK = byName(callback.noPop, callback.popIfOwn);

function preserveChoice({ kind, calls }: PolicyChoices['preserve']) {
  if (kind === 'none') return preserve.none;
  return kind === 'push-pop' ? preserve.pushPop(...(calls ?? [])) : undefined;
}

/** The policy of these choices; or the first choice that there is no strategy for. */
export function combine(choices: PolicyChoices): StackPolicy | { readonly missing: string } {
  const { name, block, mayGoto } = choices;
  const chosen = {
    compute: COMPUTE.get(choices.compute),
    preserve: preserveChoice(choices.preserve),
    boundary: BOUNDARY.get(choices.boundary),
    callback: CALLBACK.get(choices.callback),
  };
  if (!chosen.compute) return { missing: `compute: ${choices.compute}` };
  if (!chosen.preserve) return { missing: `preserve: ${choices.preserve.kind}` };
  if (!chosen.boundary) return { missing: `boundary: ${choices.boundary}` };
  if (!chosen.callback) return { missing: `callback: ${choices.callback}` };
  const { compute, preserve, boundary, callback } = chosen;
  return { name, block, compute, preserve, boundary, callback, mayGoto };
}
