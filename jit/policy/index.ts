export { combine, type PolicyChoices } from './combine';
export { POLICIES, policyNamed } from './named';
export type * from './policy';
