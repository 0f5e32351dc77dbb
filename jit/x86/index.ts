export * from './abi';
export * from './encode';
export { FORMS, type Form, type FormName, type OperandKind } from './forms';
export * from './operands';
export * from './registers';
export type { Sink } from './sink';
