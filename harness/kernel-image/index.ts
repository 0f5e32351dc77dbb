/** Images that a real kernel makes of programs of our own, and how ours compare with them. */

export type { ReachableMemory } from './body';
export { type BpftoolDump, DumpError } from './bpftool';
export { captureById, captureDump, captureLive, type LiveCapture } from './capture-live';
export { KernelRefusal } from './commands';
export type { OurImage } from './compare';
export { type Disassembled, disassemble } from './disassemble';
export { type Generated, type GenerateOptions, generate, type LiveType } from './generate';
export type { LiveMap } from './live-maps';
export { type LiveProgram, loadLive, Unloadable } from './live-program';
export { measureMachine } from './measure';
export { compareSeed, type JitUnderTest, type Outcome, parityLines, whyNot } from './parity';
export { permission } from './permission';
export { Hidden } from './program-info';
export { Random } from './random';
export { type KernelSymbols, kernelSymbols } from './symbols';
