import { STATE, type StateViews } from './state';

interface End {
  /** Where the processor was: after `int3` and `hlt` behind it, as the SDM says, otherwise at the instruction. */
  readonly rip: bigint;
  /**
   * Whether `rip` is that very instruction. False after a data fault in code without a code hook under Unicorn 2.0,
   * which then only knows the start of the translated block.
   */
  readonly exact: boolean;
}

/** How a run ended. Only `ok` is success: no error, and rip at the stop address. */
export type RunStatus = End &
  (
    | { readonly kind: 'ok' }
    | {
        readonly kind: 'fault';
        readonly access: 'read' | 'write' | 'fetch';
        readonly reason: 'unmapped' | 'protected';
        readonly address: bigint;
        /** Bytes. Of an access over the edge of a mapping, a part that lies outside may be reported. */
        readonly size: number;
      }
    /** A processor exception or `int n`; the vector as in SDM vol. 3, table 6-1. */
    | { readonly kind: 'trap'; readonly vector: number }
    | { readonly kind: 'invalid-instruction' }
    /** The block budget is used up. */
    | { readonly kind: 'budget' }
    | { readonly kind: 'events-full' }
    /** By a callback. */
    | { readonly kind: 'stopped' }
    /** No error, but rip is not the stop address: `hlt`. */
    | { readonly kind: 'elsewhere' }
    | { readonly kind: 'error'; readonly code: number; readonly message: string }
  );

/** Keep in step with `enum outcome` in src/engine.h. */
export const OUTCOME = {
  ok: 0,
  fault: 1,
  trap: 2,
  invalidInstruction: 3,
  budget: 4,
  eventsFull: 5,
  stopped: 6,
  elsewhere: 7,
  error: 8,
  sameRip: 9,
} as const;

const PLAIN = {
  [OUTCOME.ok]: 'ok',
  [OUTCOME.invalidInstruction]: 'invalid-instruction',
  [OUTCOME.budget]: 'budget',
  [OUTCOME.eventsFull]: 'events-full',
  [OUTCOME.stopped]: 'stopped',
  [OUTCOME.elsewhere]: 'elsewhere',
} as const;

const ACCESS = ['read', 'write', 'fetch'] as const;

/** The status of a run from its outcome and what the addon left in the state block. */
export function runStatus(
  outcome: number,
  { words, halves }: StateViews,
  describe: (code: number) => string,
): RunStatus {
  const end = { rip: words[STATE.rip]!, exact: halves[STATE.exact] === 1 };
  if (outcome === OUTCOME.fault) {
    const reason = halves[STATE.protected] === 1 ? 'protected' : 'unmapped';
    const access = ACCESS[halves[STATE.access]!]!;
    return { ...end, kind: 'fault', access, reason, address: words[STATE.address]!, size: halves[STATE.size]! };
  }
  if (outcome === OUTCOME.trap) return { ...end, kind: 'trap', vector: halves[STATE.vector]! };
  if (outcome in PLAIN) return { ...end, kind: PLAIN[outcome as keyof typeof PLAIN] };
  const code = halves[STATE.code]!;
  return { ...end, kind: 'error', code, message: describe(code) };
}
