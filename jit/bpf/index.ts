export type { AsmSource, ParseOptions, SubprogSource } from './assemble';
export { decodeInsns, encodeInsns, type InsnsResult, type WireError } from './bytes';
export * as bpf from './construct';
export { type HexResult, parseHex, toHex } from './hex';
export * from './insn';
export { jumpDistance } from './jump';
export type { AsmError, SourcePosition } from './lexer';
export { type LoadResult, loadProgram } from './load';
export { HELPERS, HelperTable, KFUNCS, type NameTable } from './names';
export * from './opcodes';
export type { PrintContext } from './operand';
export { registerName } from './operands';
export { type ParseResult, parseAsm } from './parse';
export { printInsn, printProgram } from './print';
export * from './program';
export { suggest } from './suggest';
export {
  formatInsnError,
  type InsnError,
  MAX_INSNS,
  MAX_SUBPROGS,
  type ValidateOptions,
  validateProgram,
} from './validate';
export { type DecodeOptions, type DecodeResult, decodeProgram, encodeProgram, type WireNumbers } from './wire';
