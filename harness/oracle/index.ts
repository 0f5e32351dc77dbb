export { KERNEL_HELPERS, kernelHelper } from './helpers';
export { interpret } from './interpret';
export type { Region } from './memory';
export {
  type Arena,
  DEFAULT_BUDGET,
  type Helper,
  type HelperState,
  type InterpretOptions,
  MAX_LOOPS,
  MAX_TAIL_CALLS,
  type Resolver,
} from './options';
export {
  type Fault,
  type FaultKind,
  formatFault,
  type InterpreterResult,
  type LoggedCall,
  type Outcome,
  type Place,
} from './outcome';
