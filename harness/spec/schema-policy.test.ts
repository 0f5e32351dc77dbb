import { expect, test } from '@jest/globals';
import { CHOICE_VALUES, combine, sensibleCombinations } from '../../jit';
import { CALL_KINDS, completePolicy, inlinePolicySchema } from './schema-policy';

const { compute, preserve, boundary, callback } = inlinePolicySchema.shape;

test('a spec can write every value that there is, and no other', () => {
  expect({
    compute: compute.unwrap().options.toSorted(),
    preserve: preserve.unwrap().options[0].options.toSorted(),
    boundary: boundary.unwrap().options.toSorted(),
    callback: callback.unwrap().options.toSorted(),
  }).toEqual({
    compute: CHOICE_VALUES.compute.toSorted(),
    preserve: CHOICE_VALUES.preserve.toSorted(),
    boundary: CHOICE_VALUES.boundary.toSorted(),
    callback: CHOICE_VALUES.callback.toSorted(),
  });
});

test('every sensible combination can be written in a spec', () => {
  for (const { preserve, mayGoto, ...rest } of sensibleCombinations()) {
    const written = {
      ...{ ...rest, may_goto: mayGoto },
      preserve: preserve.calls ? { 'push-pop': preserve.calls } : preserve.kind,
    };
    expect(completePolicy(inlinePolicySchema.parse(written))).toEqual({ preserve, mayGoto, ...rest });
  }
});

test('what is left out makes the policy without a private stack', () => {
  expect(combine(completePolicy({ name: 'mine', block: 'none' }))).toMatchObject({ name: 'mine', mayGoto: 'offset' });
  expect(completePolicy({ name: 'mine', block: 'function', preserve: 'push-pop' }).preserve).toEqual({
    kind: 'push-pop',
    calls: CALL_KINDS,
  });
});
