/** Images that a real kernel makes of programs of our own, and how ours compare with them. */

export type { OurImage } from './compare';
export { type Generated, generate } from './generate';
export { compareSeed, type JitUnderTest, type Outcome, parityLines, whyNot } from './parity';
export { type KernelSymbols, kernelSymbols } from './symbols';
