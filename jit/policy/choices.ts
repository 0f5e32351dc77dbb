import type { PolicyChoices, StackPolicy } from './policy';

/** The choices of a policy as data: what `combine` makes the same policy of. */
export const choicesOf = (policy: StackPolicy): PolicyChoices => ({
  name: policy.name,
  block: policy.block,
  compute: policy.compute.name,
  preserve: policy.preserve.chosen,
  boundary: policy.boundary.name,
  callback: policy.callback.name,
  mayGoto: policy.mayGoto,
});
