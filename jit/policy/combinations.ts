import { CHOICE_VALUES } from './combine';
import { flawOf } from './flaws';
import type { CallKind, PolicyChoices, StackPolicy } from './policy';

/** Which calls a push and a pop around them could be thought enough for. */
const WRAPPED: readonly (readonly CallKind[])[] = [
  ['subprog', 'helper', 'kfunc', 'throw'],
  ['subprog', 'helper', 'kfunc'],
  ['helper', 'kfunc', 'throw'],
  ['helper', 'kfunc'],
];

const PRESERVES: readonly PolicyChoices['preserve'][] = CHOICE_VALUES.preserve.flatMap((kind) =>
  kind === 'push-pop' ? WRAPPED.map((calls) => ({ kind, calls })) : [{ kind }],
);

const BLOCKS: readonly StackPolicy['block'][] = ['none', 'function', 'subtree'];

/** `function+absolute+push-pop:helper,kfunc+none+no-pop`. */
const nameOf = ({ block, compute, preserve, boundary, callback }: Omit<PolicyChoices, 'name'>): string => {
  const how = preserve.calls ? `${preserve.kind}:${preserve.calls.join(',')}` : preserve.kind;
  return [block, compute, how, boundary, callback].join('+');
};

/**
 * The design space: every policy that the choices can be combined to, each under a name made of them, but for those that
 * mean nothing or the same as a simpler one. may_goto is mended in all of them. Most are not sound.
 */
export function* sensibleCombinations(): Generator<PolicyChoices> {
  for (const block of BLOCKS)
    for (const compute of CHOICE_VALUES.compute)
      for (const preserve of PRESERVES)
        for (const boundary of CHOICE_VALUES.boundary)
          for (const callback of CHOICE_VALUES.callback) {
            const choices = { block, compute, preserve, boundary, callback, mayGoto: 'pointer' } as const;
            if (flawOf(choices) === null) yield { name: nameOf(choices), ...choices };
          }
}
