import { Gpr } from '../../jit';
import type { Activation } from './activations';
import type { Entry, Run, Throw } from './run';

/** Whoever called a program goes on: C code, or the activation that made the call. */
export interface Handback {
  readonly entry: Entry;
  /** What was called; null where C entered no function. */
  readonly called: Activation | null;
  /** What returned: the same, or what has taken over its frame since. */
  readonly returned: Activation | null;
  /** Null: C. */
  readonly caller: Activation | null;
  /** A general register, by hardware number, as the caller had it and as it gets it back. */
  before(register: number): bigint;
  after(register: number): bigint;
  /** The event that shows the registers afterwards; Infinity behind the last one. */
  readonly event: number;
  /** The exception that came between, if one did. */
  readonly thrown: Throw | null;
}

/** What is known of a run's events, besides the run. */
interface Found {
  readonly run: Run;
  readonly activations: readonly Activation[];
  readonly activationOf: readonly (Activation | null)[];
  readonly entryOf: readonly Entry[];
}

/** Everything that ran in a frame, one after the other. */
function chainOf(called: Activation | null): Activation[] {
  const chain: Activation[] = [];
  for (let each = called; each; each = each.successor) chain.push(each);
  return chain;
}

const thrownIn = (chain: readonly Activation[]): Throw | null => chain.find(({ thrown }) => thrown)?.thrown ?? null;

/** Every time that a call of a program came back, in order of time. */
export function handbacks(found: Found): Handback[] {
  const all = [...toC(found), ...toPrograms(found)];
  return all.sort((a, b) => (a.event === b.event ? 0 : a.event - b.event));
}

function toC({ run, activations }: Found): Handback[] {
  const left = new Map(run.marks.flatMap((mark) => (mark.kind === 'leave' ? [[mark.entry, mark.event - 1]] : [])));
  return run.entries.flatMap((entry): Handback[] => {
    const { before, after } = entry;
    if (after === null) return [];
    const called = activations.find((each) => each.entry === entry) ?? null;
    const chain = chainOf(called);
    return [
      {
        entry,
        called,
        returned: chain[chain.length - 1] ?? null,
        caller: null,
        before: (register) => before[register]!,
        after: (register) => after[register]!,
        event: left.get(entry) ?? Number.POSITIVE_INFINITY,
        thrown: thrownIn(chain),
      },
    ];
  });
}

function toPrograms(found: Found): Handback[] {
  const { run, activations } = found;
  const { trace } = run;
  const successors = new Set(activations.map(({ successor }) => successor));
  return activations.flatMap((called): Handback[] => {
    const { parent, entry, start } = called;
    if (!parent || parent.entry !== entry || successors.has(called)) return [];
    const chain = chainOf(called);
    const returned = chain[chain.length - 1]!;
    const event = returned.thrown ? -1 : comesBack(found, called, returned);
    if (event < 0) return [];
    return [
      {
        entry,
        called,
        returned,
        caller: parent,
        before: (register) => trace.reg(start, register),
        after: (register) => trace.reg(event, register),
        event,
        thrown: thrownIn(chain),
      },
    ];
  });
}

/** The first event behind a return: its stack pointer is above the return address. -1 when that is not in the caller. */
function comesBack({ run, activationOf, entryOf }: Found, called: Activation, returned: Activation): number {
  const { trace, world } = run;
  for (let i = returned.start; i < trace.count; i++) {
    if (entryOf[i] !== called.entry || !trace.hasRegisters(i) || trace.reg(i, Gpr.rsp) <= called.entryRsp) continue;
    const place = world.code.at(trace.rip(i));
    // A helper's body may have called it.
    if (!place) return world.code.bodyAt(trace.rip(i)) === undefined ? -1 : i;
    const { parent } = called;
    const inCaller =
      activationOf[i] === parent && place.program === parent?.program && place.subprog === parent.subprog;
    return inCaller ? i : -1;
  }
  return -1;
}
