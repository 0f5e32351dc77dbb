import { Body, type ReachableMemory, type Shape } from './body';
import { Random } from './random';
import { placed, type Slot } from './wire';

export const LIVE_TYPES = ['RAW_TRACEPOINT', 'TRACEPOINT', 'KPROBE', 'SOCKET_FILTER', 'SYSCALL'] as const;
export type LiveType = (typeof LIVE_TYPES)[number];

/** A program as it is handed to a kernel. */
export interface Generated {
  readonly seed: number;
  readonly type: LiveType;
  /** Slots of 8 bytes, in hex. */
  readonly insns: readonly string[];
  /** Frame depths that were aimed at, by function. */
  readonly depths: readonly number[];
}

/** Where 64 bits of context can be read as they are. A socket filter's context is rewritten: none. */
const CTX_OFFSETS: Readonly<Record<LiveType, readonly number[]>> = {
  RAW_TRACEPOINT: [0, 8, 16, 24, 32, 88],
  TRACEPOINT: [8, 16, 24, 120, 128, 136],
  KPROBE: [0, 8, 40, 120, 128, 160],
  SOCKET_FILTER: [],
  SYSCALL: [0, 8, 120, 128, 256],
};
const DEPTHS = [0, 8, 40, 48, 49, 56, 64, 120, 512];
const PRIVATE_TYPES: readonly LiveType[] = ['RAW_TRACEPOINT', 'TRACEPOINT', 'KPROBE'];
const STACK = 512;
/** bpf_ktime_get_ns, bpf_get_prandom_u32, bpf_get_smp_processor_id */
const HELPERS = [5, 7, 8];

export interface GenerateOptions {
  /** Program types to pick from. */
  readonly types?: readonly LiveType[];
  /** Helpers that may be called, by id. A socket filter calls bpf_get_prandom_u32 all the same. */
  readonly helpers?: readonly number[];
  readonly memory?: ReachableMemory | undefined;
}

/** Depths whose frames on the kernel stack fit even if all functions nest. */
function frameDepths(random: Random, type: LiveType, count: number): number[] {
  let left = STACK - 16 * count;
  const deep = PRIVATE_TYPES.includes(type);
  return Array.from({ length: count }, () => {
    const depth = random.once(4) ? random.between(1, 160) : random.pick(DEPTHS);
    if (deep && depth > 48) return depth;
    const extra = Math.max(16, Math.ceil(depth / 16) * 16) - 16;
    if (extra > left) return 0;
    left -= extra;
    return depth;
  });
}

/** Every function but the first is called by one before it. */
function calls(random: Random, count: number): number[][] {
  const callees = Array.from({ length: count }, (): number[] => []);
  for (let callee = 1; callee < count; callee++) {
    const caller = random.below(callee);
    callees[caller]!.push(callee);
    const other = random.below(callee);
    if (random.once(4) && other !== caller) callees[other]!.push(callee);
  }
  return callees;
}

/**
 * A random program; without options one that the verifier accepts and keeps whole, hardly ever not. The same seed and
 * options give the same program.
 */
export function generate(seed: number, options: GenerateOptions = {}): Generated {
  const { types = LIVE_TYPES, helpers = HELPERS, memory } = options;
  const random = new Random(seed);
  const type = random.pick(types);
  const count = random.between(1, 6);
  const depths = frameDepths(random, type, count);
  const ctxOffsets = CTX_OFFSETS[type];
  const bodies = calls(random, count).map((callees, index): Slot[] => {
    const leaf = callees.length === 0 && ctxOffsets.length > 0 && random.once(3);
    const statements = random.between(0, random.pick([4, 12, 30]));
    const depth = depths[index]!;
    const shape: Shape = { index, depth, callees, leaf, ctxOffsets, statements, helpers, memory };
    return new Body(random, shape).write();
  });
  return { seed, type, insns: placed(bodies), depths };
}
