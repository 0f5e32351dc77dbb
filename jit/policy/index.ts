export { POLICIES, policyNamed } from './named';
export type * from './policy';
