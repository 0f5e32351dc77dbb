import type { Program } from '../../jit';
import type { ConformanceCase } from './data-file';

/** How a program ended: with r0, or not at all. */
export type CaseOutcome = { readonly r0: bigint } | { readonly error: string };

export interface CaseVerdict {
  readonly pass: boolean;
  /** What was wanted and what came, for a case that does not pass. */
  readonly detail: string;
}

/** Where the interpreter has a case's memory. */
const MEMORY_BASE = 0x2_0000_0000n;

/** More than any of these programs needs; one that does not end must be told from one that does. */
const BUDGET = 1_000_000;

/** r1 and r2 of a case whose memory is at an address; without memory there is no pointer to it. */
export const entryArguments = ({ memory }: ConformanceCase, base: bigint): readonly [bigint, bigint] => [
  memory.length === 0 ? 0n : base,
  BigInt(memory.length),
];

/** What a case needs of an interpreter; that of `harness/oracle` is one. */
export type Interpreter = (
  program: Program,
  options: {
    readonly args: readonly bigint[];
    readonly regions: readonly { readonly name: string; readonly base: bigint; readonly bytes: Uint8Array }[];
    readonly budget: number;
  },
) =>
  | { readonly kind: 'exit'; readonly r0: bigint }
  | { readonly kind: 'budget' }
  | {
      readonly kind: 'fault';
      readonly fault: {
        readonly kind: string;
        readonly message: string;
        readonly place: { readonly pc: number; readonly text: string } | null;
      };
    };

/** Runs a case in an interpreter. */
export function runInterpreted(each: ConformanceCase, interpret: Interpreter): CaseOutcome {
  if (each.program === null) return { error: each.refusal ?? 'there is no program' };
  const result = interpret(each.program, {
    args: entryArguments(each, MEMORY_BASE),
    regions: [{ name: 'mem', base: MEMORY_BASE, bytes: each.memory }],
    budget: BUDGET,
  });
  if (result.kind === 'exit') return { r0: result.r0 };
  if (result.kind === 'budget') return { error: `no end after ${BUDGET} instructions` };
  const { kind, message, place } = result.fault;
  return { error: `${kind}: ${message}${place ? ` (pc ${place.pc}: ${place.text})` : ''}` };
}

const hex = (value: bigint): string => `0x${value.toString(16)}`;
const outcomeText = (outcome: CaseOutcome): string => ('r0' in outcome ? hex(outcome.r0) : outcome.error);

/** Whether an outcome is what a case says. Every runtime has texts of its own for errors: any failure is the failure. */
export function judgeOutcome({ expected }: ConformanceCase, outcome: CaseOutcome): CaseVerdict {
  if (expected === null) return { pass: 'r0' in outcome, detail: `nothing is expected; got ${outcomeText(outcome)}` };
  const pass = 'error' in expected ? 'error' in outcome : 'r0' in outcome && outcome.r0 === expected.result;
  const wanted = 'error' in expected ? `a failure (${expected.error})` : hex(expected.result);
  return { pass, detail: pass ? '' : `expected ${wanted}, got ${outcomeText(outcome)}` };
}
