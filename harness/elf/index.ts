export { isElf } from './file';
export { type MapKind, mapNumber } from './map-kinds';
export type { ElfMap } from './maps';
export type { ElfIssue, SourceLine } from './problem';
export { type ElfObject, type ElfOptions, type ElfProgram, type ElfResult, readObject } from './read';
