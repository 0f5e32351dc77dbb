import type { CheckId } from '../spec';

/** Of a check, a mutant that it kills and no other check does, in no shipped spec; or why it is kept without one. */
export type Alone = { readonly fault: string } | { readonly kept: string };

export const ALONE: Readonly<Record<CheckId, Alone>> = {
  'frame-address': { fault: 'F14.r5' },
  'frame-pointer': { fault: 'K1' },
  'frame-bounds': { fault: 'K6' },
  guards: {
    kept: "What a program's own code does to a guard, `frame-bounds` sees, too. `guards` alone sees what helpers do, whose code no fault changes (specs/private-stack/guards.yaml); and it is what the kernel itself looks at.",
  },
  'cpu-isolation': {
    kept: "Through r10, `frame-address` finds another CPU's memory as well; this check says that it is that. It needs no plan of the frames, and looks at all other pointers, too.",
  },
  'callee-saved': { fault: 'K4' },
  'stack-balance': { fault: 'K7' },
  'call-target': {
    kept: 'A call that goes elsewhere rarely stays without consequences, which other checks find; this one names the call, before any of them.',
  },
  retval: { fault: 'F33' },
  memory: { fault: 'F35' },
  interpreter: { fault: 'F43' },
  exception: { fault: 'F26' },
  recursion: { fault: 'K2.tracing' },
  'tail-call': {
    kept: 'Where tail calls go and how many there are, programs show in maps: `memory` and `interpreter` find it there, where programs keep count. This check needs no program that does, and names the call.',
  },
  unwind: { fault: 'K9' },
  termination: { fault: 'F47.loop' },
  fault: { fault: 'F45.src' },
  bytes: { fault: 'F13' },
};
