export { addressOf, bpf, bpfAllowed } from './bpf';
export { type CodeRange, Emu, type EmuOptions, Prot, type RunOptions } from './emu';
export { EmuError, type EmuErrorCode } from './errors';
export { EVENT_WORDS, EventKind, type EventView } from './events';
export type { ExceptionTableEntry } from './exception-table';
export { Action, type HelperAction, type HelperPolicy } from './helper';
export { installCommand } from './library';
export { REG, REG_COUNT, type RegName } from './registers';
export type { RunStatus } from './status';
