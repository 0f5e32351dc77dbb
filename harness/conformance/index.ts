export { type ConformanceCase, type DataFileResult, type Expected, parseDataFile } from './data-file';
export { asDefined } from './defined';
export type { CpuVersion, Group } from './instructions';
export {
  type CaseOutcome,
  type CaseVerdict,
  entryArguments,
  type Interpreter,
  judgeOutcome,
  runInterpreted,
} from './judge';
export { formatOpcodeTable, type OpcodeRow, opcodeTable } from './opcode-table';
export { type PluginInput, parsePluginInput } from './plugin';
export { type DataError, formatDataError } from './position';
