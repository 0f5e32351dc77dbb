export { Callee, type CalleeKind, type NativeEnd, NativeInterpreter } from '../native';
