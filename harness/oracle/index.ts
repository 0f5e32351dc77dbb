export { KERNEL_HELPERS, kernelHelper } from './helpers';
export { interpret } from './interpret';
export { Interpreter } from './interpreter';
export type { Region } from './memory';
export { Callee, type CalleeKind, type NativeEnd, NativeInterpreter } from './native-interpreter';
export {
  type Addresses,
  type Arena,
  DEFAULT_BUDGET,
  type Entrance,
  type FunctionRef,
  type Helper,
  type HelperState,
  type InterpretOptions,
  type KernelState,
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
  type RunResult,
} from './outcome';
