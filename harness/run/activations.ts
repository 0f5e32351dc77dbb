import { Gpr } from '../../jit';
import { EventKind, type Trace } from '../machine/trace';
import type { CodeMap } from './code-map';

/** One call of a subprog, from its entry to its return. */
export interface Activation {
  readonly index: number;
  readonly program: number;
  readonly subprog: number;
  /** The activation that called it; null for the entry of the run. */
  readonly parent: Activation | null;
  /** Events: the first instruction, and the first event behind the last one. */
  readonly start: number;
  end: number;
  /** rsp at the entry: the return address stands there. */
  readonly entryRsp: bigint;
  /** rsp at the first BPF instruction; null before it is reached. */
  bodyRsp: bigint | null;
}

/** Which activation each event belongs to; what a helper does belongs to the one that called it. */
export interface Activations {
  readonly all: readonly Activation[];
  readonly of: readonly (Activation | null)[];
}

/**
 * Finds the activations in a trace. A subprog is entered where its first instruction is executed, and has been left
 * when a program's instruction runs with the stack pointer above its return address. A subprog that is entered where
 * another one's return address stood takes its place: a helper calls the same callback again from the same depth.
 */
export function findActivations(trace: Trace, code: CodeMap): Activations {
  const all: Activation[] = [];
  const of: (Activation | null)[] = [];
  let current: Activation | null = null;
  for (let i = 0; i < trace.count; i++) {
    const place = trace.kind(i) === EventKind.INSN ? code.at(trace.rip(i)) : undefined;
    if (place) {
      const rsp = trace.reg(i, Gpr.rsp);
      const entered = place.row.offset === 0;
      while (current !== null && (rsp > current.entryRsp || (entered && rsp === current.entryRsp))) {
        current.end = i;
        current = current.parent;
      }
      if (entered) {
        const { program, subprog } = place;
        const index = all.length;
        current = {
          index,
          program,
          subprog,
          parent: current,
          start: i,
          end: trace.count,
          entryRsp: rsp,
          bodyRsp: null,
        };
        all.push(current);
      } else if (current !== null && current.bodyRsp === null && place.pc >= 0) current.bodyRsp = rsp;
    }
    of.push(current);
  }
  return { all, of };
}
