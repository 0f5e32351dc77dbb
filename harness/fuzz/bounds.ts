import type { ProgramType } from '../spec';

/** What the generator stays within. Printed with every report: what is not in here was not looked at. */
export interface Bounds {
  readonly types: readonly ProgramType[];
  /** Subprogs of a program, callbacks included. */
  readonly subprogs: number;
  /** Own depths that are aimed at, besides any of 1 to 160. */
  readonly depths: readonly number[];
  /** Instructions that one run may execute, by the generator's own estimate. */
  readonly executed: number;
  /** Bytes of machine code that jumps are stretched to. */
  readonly jumps: readonly [number, number];
  /** Bytes of context. */
  readonly context: number;
}

export const BOUNDS: Bounds = {
  types: ['kprobe', 'tracepoint', 'raw_tracepoint', 'socket_filter', 'sched_cls'],
  subprogs: 8,
  depths: [0, 8, 16, 40, 47, 48, 49, 50, 56, 57, 63, 64, 65, 112, 113, 120, 127, 128, 129, 136, 160, 256, 504, 512],
  executed: 4000,
  jumps: [112, 136],
  context: 256,
};

/** The bounds in a few lines. */
export function boundsText({ types, subprogs, depths, executed, jumps, context }: Bounds = BOUNDS): string {
  return [
    `programs: ${types.join(', ')}; 1 to ${subprogs} subprogs, call chains as long; about ${executed} instructions a run`,
    `frames: ${depths.join(' ')}, or 1 to 160 bytes; jumps over ${jumps[0]} to ${jumps[1]} bytes; context of ${context} bytes`,
    'instructions: alu and alu64 of all kinds, byte swaps, sign extension, loads and stores of all sizes, atomics,',
    '  jumps of all kinds and both widths, loops, may_goto, calls of subprogs, helpers, kfuncs and bpf_throw, bpf_loop callbacks',
    'around a run that every check sees: other programs and itself on this CPU behind the recursion guard and on the other',
    '  one, at every instruction and at chosen ones, trampolines with and without a program, extensions that may throw, a tail',
    '  call into it, callbacks of timers, one run after the other on both CPUs; small programs with tail calls, loads that may',
    '  fault, an arena',
    'not generated: other maps, kfuncs that take or return pointers',
  ].join('\n');
}

/** One case in so many is looked at with every check: that takes as long as a hundred others. */
export const EVERY = 1024;
