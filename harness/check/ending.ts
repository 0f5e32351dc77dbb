import type { RunStatus } from '../machine/machine';
import { EventKind } from '../machine/trace';
import type { CodePlace } from '../run/code-map';
import type { Run } from '../run/run';
import { type Check, type CheckInput, type Finding, hex } from './finding';

/** The last event that an instruction caused, and the program's instruction that led there. */
function lastInstruction({ trace, world }: Run): { event: number; place: CodePlace | null; body: string | undefined } {
  let body: string | undefined;
  for (let event = trace.count - 1; event >= 0; event--) {
    if (trace.kind(event) !== EventKind.INSN) continue;
    const place = world.code.at(trace.rip(event));
    if (place) return { event: trace.count - 1, place, body };
    body ??= world.code.bodyAt(trace.rip(event));
  }
  return { event: trace.count - 1, place: null, body };
}

function finding(
  input: CheckInput,
  check: 'termination' | 'fault',
  message: string,
  want: string,
  got: string,
): Finding[] {
  const { event, place, body } = lastInstruction(input.run);
  const where = body === undefined ? '' : `, in the body of ${body}`;
  return [{ check, event: Math.max(0, event), place, message: message + where, want, got }];
}

export const termination: Check = {
  id: 'termination',
  title: 'the program ends',
  run(input) {
    const { kind, rip } = input.run.status;
    if (kind !== 'budget' && kind !== 'events-full') return [];
    const how = kind === 'budget' ? 'a million basic blocks' : `${input.run.trace.count} events`;
    return finding(input, 'termination', `the program has not ended after ${how}`, 'an exit', `rip = ${hex(rip)}`);
  },
};

/** SDM vol. 3, table 6-1. */
const VECTORS: Readonly<Record<number, string>> = {
  0: 'a division error',
  1: 'a debug exception',
  3: 'a breakpoint',
  4: 'an overflow',
  6: 'an invalid opcode',
  8: 'a double fault',
  13: 'a general protection fault',
  14: 'a page fault',
};

function explain(status: RunStatus): string {
  switch (status.kind) {
    case 'fault': {
      const verb = { read: 'a read of', write: 'a write to', fetch: 'an instruction fetch from' }[status.access];
      return `${verb} ${hex(status.address)}, which ${status.reason === 'unmapped' ? 'is not mapped' : 'forbids it'}`;
    }
    case 'trap':
      return VECTORS[status.vector] ?? `interrupt ${status.vector}`;
    case 'invalid-instruction':
      return 'an invalid instruction';
    case 'elsewhere':
      return 'a halt';
    case 'error':
      return status.message;
    default:
      return status.kind;
  }
}

export const fault: Check = {
  id: 'fault',
  title: 'no instruction faults',
  run(input) {
    const { status } = input.run;
    if (status.kind === 'ok' || status.kind === 'budget' || status.kind === 'events-full') return [];
    return finding(input, 'fault', explain(status), 'a return to the caller', `rip = ${hex(status.rip)}`);
  },
};
