export { notApplicable } from './applicable';
export { choicesOf } from './choices';
export { sensibleCombinations } from './combinations';
export { CHOICE_VALUES, combine, type InvalidPolicy } from './combine';
export { POLICIES, policyNamed } from './named';
export type * from './policy';
