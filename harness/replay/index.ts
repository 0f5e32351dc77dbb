/** Compiled programs on this computer's CPU, in a process of their own, against the emulator. */

export { type ReplayFigures, type ReplayOptions, type ReplayOutcome, replay } from './replay';
export { replayText } from './text';
