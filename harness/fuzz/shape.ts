import type { Random } from '../kernel-image/random';
import type { ProgramType } from '../spec';
import { BOUNDS } from './bounds';
import { times } from './times';

/** What a subprog may do, decided before its code is written. */
export interface Shape {
  readonly index: number;
  readonly role: 'main' | 'subprog' | 'callback' | 'exception-callback';
  /** Bytes of frame: its deepest access. */
  readonly depth: number;
  /** Subprogs that it calls, once each at least; callbacks are among them. */
  readonly callees: readonly number[];
  /** r1 is the context. */
  readonly context: boolean;
  /** r3 points to 8 bytes of the caller's frame (r2 of a callback). */
  readonly frame: boolean;
  /** It may throw. */
  readonly throws: boolean;
  readonly statements: number;
  /** It has a loop of more rounds than may_goto counts before it asks the clock. */
  readonly long: boolean;
}

/** Where 64 bits of context can be read as they are. A socket filter's context is rewritten: none. */
export const CONTEXT_OFFSETS: Partial<Record<ProgramType, readonly number[]>> = {
  kprobe: [0, 8, 40, 120, 128, 160],
  tracepoint: [8, 16, 24, 120, 128, 136],
  raw_tracepoint: [0, 8, 16, 24, 32, 88],
};

const PRIVATE: readonly ProgramType[] = ['kprobe', 'tracepoint', 'raw_tracepoint'];
/** Where the kernel has bpf_throw(); it has it for few types more. */
const THROWING: readonly ProgramType[] = ['tracepoint', 'sched_cls'];
const STACK = 512;
/** Programs to one that loops long: it runs as long as hundreds of others. */
const LONG = 2500;

/** Depths whose frames on the kernel stack fit even if all subprogs nest; `all`: also those that may be private. */
function frameDepths(random: Random, type: ProgramType, count: number, all: boolean): number[] {
  let left = STACK - 32 * count;
  const deep = PRIVATE.includes(type) && !all;
  return times(count, () => {
    const depth = random.once(3) ? random.between(1, 160) : random.pick(BOUNDS.depths);
    if (deep && depth > 48) return depth;
    const extra = Math.max(32, Math.ceil(depth / 16) * 16 + 16) - 32;
    if (extra > left) return 0;
    left -= extra;
    return depth;
  });
}

interface Edge {
  readonly caller: number;
  readonly callee: number;
}

/** Every subprog but the first is called by one before it; some by two. */
function edges(random: Random, count: number): Edge[] {
  const chain = random.once(3);
  const found: Edge[] = [];
  for (let callee = 1; callee < count; callee++) {
    const caller = chain ? callee - 1 : random.below(callee);
    found.push({ caller, callee });
    const other = random.below(callee);
    if (random.once(4) && other !== caller) found.push({ caller: other, callee });
  }
  return found;
}

/** The tree of a program: who calls whom, and with what. */
export function shapes(random: Random, type: ProgramType): Shape[] {
  const count = random.once(3) ? random.between(1, BOUNDS.subprogs) : random.between(1, 4);
  const mayThrow = THROWING.includes(type);
  const catches = mayThrow && count > 1 && random.once(5);
  const called = catches ? count - 1 : count;
  const depths = frameDepths(random, type, count, random.once(2));
  const all = edges(random, called);
  const has = CONTEXT_OFFSETS[type] !== undefined;
  const roles: Shape['role'][] = ['main'];
  const contexts = [has];
  const frames = [false];
  // Nothing may throw below a callback.
  const below = [false];
  for (let i = 1; i < called; i++) {
    const callers = all.filter(({ callee }) => callee === i).map(({ caller }) => caller);
    const callback = random.once(7);
    roles.push(callback ? 'callback' : 'subprog');
    contexts.push(!callback && callers.every((each) => contexts[each]) && !random.once(5));
    frames.push(callers.every((each) => depths[each]! >= 8) && random.once(3));
    below.push(callback || callers.some((each) => below[each]));
  }
  if (catches) {
    roles.push('exception-callback');
    contexts.push(false);
    frames.push(false);
    below.push(true);
  }
  const long = random.once(LONG);
  const throwing = catches || (mayThrow && random.once(4));
  return roles.map((role, index) => ({
    index,
    role,
    depth: depths[index]!,
    callees: all.filter(({ caller }) => caller === index).map(({ callee }) => callee),
    context: contexts[index]!,
    frame: frames[index]!,
    throws: throwing && !below[index] && (index === 0 || random.once(2)),
    statements: random.between(0, random.pick([3, 8, 20])),
    long: index === 0 && long,
  }));
}
