import { Gpr } from '../../jit';
import { EventKind, type Trace } from '../machine/trace';
import type { CodeMap, CodePlace } from './code-map';
import type { Entry, Mark, Throw } from './run';

/** How an activation began. */
export type Beginning = 'call' | 'entry' | 'tail-call' | 'throw';

/** One call of a subprog, from its entry to its return. */
export interface Activation {
  readonly index: number;
  readonly program: number;
  readonly subprog: number;
  readonly cpu: number;
  readonly beginning: Beginning;
  /** The activation that called it, or that runs on below it: a helper's caller, what was interrupted. Null at first. */
  readonly parent: Activation | null;
  /** The entry from C that it runs in. */
  readonly entry: Entry;
  /** Events: the first instruction, and the first event behind the last one. */
  readonly start: number;
  end: number;
  /** rsp at the entry: the return address stands there. Of one that took over a frame, as at the entry of that frame. */
  readonly entryRsp: bigint;
  /** rsp at the first BPF instruction; null before it is reached. */
  bodyRsp: bigint | null;
  /** The exception that ended it, if one did. */
  thrown: Throw | null;
  /** The one that took over its frame: the exception callback, what it tail-called, or the extension in its place. */
  successor: Activation | null;
}

/** Which activation each event belongs to; what a helper does belongs to the one that called it. */
export interface Activations {
  readonly all: readonly Activation[];
  readonly of: readonly (Activation | null)[];
}

/** What runs on one stack, from an entry from C on. */
interface Context {
  readonly entry: Entry;
  /** The innermost activation below the entry. */
  readonly below: Activation | null;
  current: Activation | null;
  /** Whether the next instruction begins an activation, wherever it stands in its function. */
  begins: boolean;
  /** The boundary whose frame the next activation takes over. */
  boundary: Activation | null;
  /** The program's instruction that was executed last. */
  previous: CodePlace | null;
  /** Whether nothing else was executed since. */
  inProgram: boolean;
}

const NOTHING = { previous: null, inProgram: false } as const;

/** A frame's base pointer: the caller's rbp stands right below the return address. */
const basePointer = ({ entryRsp }: Activation): bigint => entryRsp - 8n;

/**
 * Finds the activations in a trace. A subprog is entered where its first instruction is executed, and has been left
 * when an instruction of its context runs with the stack pointer above its return address. A subprog that is entered
 * where another one's return address stood takes its place: a helper calls the same callback again from the same depth.
 * Entries from C and exceptions are known from the marks, tail calls by where they land.
 */
export function findActivations(trace: Trace, code: CodeMap, marks: readonly Mark[]): Activations {
  return new Finder(trace, code, marks).find();
}

class Finder {
  private readonly all: Activation[] = [];
  private readonly contexts: Context[] = [];

  constructor(
    private readonly trace: Trace,
    private readonly code: CodeMap,
    private readonly marks: readonly Mark[],
  ) {}

  find(): Activations {
    const { trace, marks } = this;
    const of: (Activation | null)[] = [];
    let next = 0;
    for (let i = 0; i < trace.count; i++) {
      for (; next < marks.length && marks[next]!.event <= i; next++) this.mark(marks[next]!, i);
      const place = trace.kind(i) === EventKind.INSN ? this.code.at(trace.rip(i)) : undefined;
      if (place) this.instruction(place, trace.reg(i, Gpr.rsp), i);
      else if (trace.kind(i) === EventKind.INSN) this.leaveBelow(trace.reg(i, Gpr.rsp), i);
      of.push(place ? (this.contexts[this.contexts.length - 1]?.current ?? null) : this.innermost());
    }
    return { all: this.all, of };
  }

  private innermost(): Activation | null {
    const context = this.contexts[this.contexts.length - 1];
    return context ? (context.current ?? context.below) : null;
  }

  /** Ends what has returned to the body of a helper, which may do with rsp what it likes later on. */
  private leaveBelow(rsp: bigint, event: number): void {
    const context = this.contexts[this.contexts.length - 1];
    if (!context?.inProgram) return;
    while (context.current && rsp > context.current.entryRsp) this.end(context, event);
    context.inProgram = false;
  }

  private mark(mark: Mark, event: number): void {
    if (mark.kind === 'enter') this.enter(mark.entry, event);
    else if (mark.kind === 'leave') this.leave(event);
    else this.throw(mark.thrown, event);
  }

  private enter(entry: Entry, event: number): void {
    const outer = this.contexts[this.contexts.length - 1];
    // The trampoline was called at the entry of what now begins: that one has not run yet.
    if (entry.kind === 'traced' && outer?.current) this.end(outer, event);
    this.contexts.push({ entry, below: this.innermost(), current: null, begins: true, boundary: null, ...NOTHING });
  }

  private leave(event: number): void {
    const context = this.contexts.pop();
    while (context?.current) this.end(context, event);
  }

  /** Ends the innermost activation of a context. */
  private end(context: Context, event: number): void {
    const { current } = context;
    current!.end = event;
    context.current = current!.parent === context.below ? null : current!.parent;
  }

  /** Ends what is unwound, the boundary included. */
  private throw(thrown: Throw, event: number): void {
    const context = this.contexts[this.contexts.length - 1];
    if (!context || thrown.boundary === null) return;
    for (let boundary = false; context.current && !boundary; ) {
      const { current } = context;
      current.thrown = thrown;
      boundary = basePointer(current) === thrown.bp;
      if (boundary) context.boundary = current;
      this.end(context, event);
    }
  }

  private instruction(place: CodePlace, rsp: bigint, event: number): void {
    const context = this.contexts[this.contexts.length - 1];
    if (!context) return;
    const { row, fn } = place;
    const entered = row.offset === 0 || context.begins;
    const landed = !entered && row.offset === fn.landing && !followsOn(context.previous, place);
    const base = landed ? rsp + 8n : rsp;
    const replaced =
      entered && isPatched(context.previous) && context.current?.entryRsp === rsp ? context.current : null;
    while (context.current && (rsp > context.current.entryRsp || (entered && rsp === context.current.entryRsp))) {
      this.end(context, event);
    }
    if (entered || landed) this.begin(context, place, base, event, landed);
    if (replaced && context.current !== replaced) replaced.successor = context.current;
    else if (context.current?.bodyRsp === null && place.pc >= 0) context.current.bodyRsp = rsp;
    context.previous = place;
    context.inProgram = true;
  }

  private begin(context: Context, { program, subprog }: CodePlace, rsp: bigint, start: number, landed: boolean): void {
    const { entry, boundary, below } = context;
    const left = landed ? context.current : boundary;
    if (landed && context.current) this.end(context, start);
    const activation: Activation = {
      index: this.all.length,
      program,
      subprog,
      cpu: entry.cpu,
      beginning: boundary ? 'throw' : landed ? 'tail-call' : context.begins ? 'entry' : 'call',
      parent: context.current ?? below,
      entry,
      start,
      end: this.trace.count,
      entryRsp: boundary ? boundary.entryRsp : rsp,
      bodyRsp: null,
      thrown: null,
      successor: null,
    };
    if (left) left.successor = activation;
    context.begins = false;
    context.boundary = null;
    context.current = activation;
    this.all.push(activation);
  }
}

/** Whether it is where an extension's jump is put. */
const isPatched = (place: CodePlace | null): boolean => place?.row.role === 'patch-site';

/** Whether an instruction stands right behind the other. */
function followsOn(previous: CodePlace | null, { program, subprog, row }: CodePlace): boolean {
  if (previous?.program !== program || previous.subprog !== subprog) return false;
  return previous.row.offset + previous.row.size === row.offset;
}
